try { $keep = $local.OpenSubKey($place, $true) } catch { Finish 'refused' "HKEY_LOCAL_MACHINE\$place is closed to this account" }
if ($null -eq $keep -or $null -eq $keep.GetValue('start')) {
    if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'it was given back its start before' }
    Finish 'failed' "nothing is kept in HKEY_LOCAL_MACHINE\$place"
}
$start = [int]$keep.GetValue('start')
if (-not $modes.ContainsKey($start)) { Finish 'refused' "what is kept in HKEY_LOCAL_MACHINE\$place is no start that a service has" }
try {
    $now = @(Service-Now)
    if ($now.Count -ne 1) { Finish 'gone' "there is no service $service any more" }
    $key = $local.OpenSubKey($sub, $true)
    if ([int]$key.GetValue('Start', -1) -ne 4) {
        if ([int]$key.GetValue('Start', -1) -ne $start) { Finish 'refused' 'somebody has given it another start meanwhile: it was left alone' }
    } else {
        $said = Set-Mode $now[0] $modes[$start]
        if ($said -ne 0) { Finish 'failed' "it cannot be enabled: Win32_Service says $said" }
    }
    if ([int]$keep.GetValue('delayed', 0) -eq 1 -and [int]$key.GetValue('DelayedAutostart', 0) -ne 1) { $key.SetValue('DelayedAutostart', 1) }
} catch { Finish 'failed' "it cannot be enabled: $_" }
$keep.SetValue('undone', 1)
$keep.DeleteValue('start', $false)
Finish 'done' 'it starts as it did; it was not started now'
