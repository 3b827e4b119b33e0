$hive = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]$hive, [Microsoft.Win32.RegistryView]::Registry64)
try { $key = $hive.OpenSubKey($sub, $true) } catch { Finish 'refused' "the key is closed to this account: $_" }
if ($null -eq $key -or $key.GetValueNames() -notcontains $name) {
    if ($null -ne $keep.GetValue('data')) { Finish 'already' 'the value was taken away by an earlier try' }
    Finish 'gone' 'there is no such value any more'
}
$raw = $key.GetValue($name, $null, [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
$kind = $key.GetValueKind($name)
if (@('String', 'ExpandString') -notcontains "$kind") { Finish 'refused' "the value is of another kind now: $kind" }
# A collection by PowerShell tells it with variables filled in, and one by `reg` as it stands.
if ("$raw".Trim() -cne $command.Trim() -and "$($key.GetValue($name))".Trim() -cne $command.Trim()) {
    Finish 'refused' "it is not what was collected: it runs $raw now"
}
try {
    $keep.SetValue('data', $raw, $kind)
    $keep.Flush()
    $key.DeleteValue($name)
} catch { Finish 'failed' "the value cannot be taken away: $_" }
if ($key.GetValueNames() -contains $name) { Finish 'failed' 'the value is still there' }
Finish 'done' "the value was taken away; HKEY_LOCAL_MACHINE\$place keeps it"
