$hive = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]$hive, [Microsoft.Win32.RegistryView]::Registry64)
try { $keep = $local.OpenSubKey($place, $true) } catch { Finish 'refused' "HKEY_LOCAL_MACHINE\$place is closed to this account" }
if ($null -eq $keep -or $keep.GetValueNames() -notcontains 'data') {
    if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'the value was put back before' }
    Finish 'failed' "nothing is kept in HKEY_LOCAL_MACHINE\$place"
}
try { $key = $hive.OpenSubKey($sub, $true) } catch { Finish 'refused' "the key is closed to this account: $_" }
if ($null -eq $key) { Finish 'refused' 'the key is not loaded: its user has to be logged on' }
$raw = $keep.GetValue('data', $null, [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
$kind = $keep.GetValueKind('data')
if ($key.GetValueNames() -contains $name) {
    $now = $key.GetValue($name, $null, [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
    if ("$now" -cne "$raw") { Finish 'refused' 'there is a value of that name again: it was left alone' }
} else {
    try { $key.SetValue($name, $raw, $kind) } catch { Finish 'failed' "the value cannot be put back: $_" }
}
$keep.SetValue('undone', 1)
$keep.DeleteValue('data', $false)
Finish 'done' 'the value was put back'
