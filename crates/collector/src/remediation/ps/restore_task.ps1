try { $keep = $local.OpenSubKey($place, $true) } catch { Finish 'refused' "HKEY_LOCAL_MACHINE\$place is closed to this account" }
if ($null -eq $keep -or $null -eq $keep.GetValue('enabled')) {
    if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'it was enabled again before' }
    Finish 'failed' "nothing is kept in HKEY_LOCAL_MACHINE\$place"
}
try {
    $now = @(Task-Now)
    if ($now.Count -eq 0) { Finish 'gone' 'there is no such task any more' }
    if ("$($now[0].State)" -eq 'Disabled') { $null = Enable-ScheduledTask -InputObject $now[0] -ErrorAction Stop }
    if ("$((Task-Now).State)" -eq 'Disabled') { Finish 'failed' 'it is still disabled' }
} catch { Finish 'failed' "it cannot be enabled: $_" }
$keep.SetValue('undone', 1)
$keep.DeleteValue('enabled', $false)
Finish 'done' 'it was enabled again; it was not started now'
