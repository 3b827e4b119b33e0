try {
    $keep = $local.OpenSubKey($place, $true)
    $had = @(Rules-Of 'PersistentStore').Count -gt 0
    if ($had) { Remove-NetFirewallRule -Group $rule -ErrorAction Stop }
    if (@(Rules-Of 'PersistentStore').Count -gt 0) { Finish 'failed' 'the rules are still there after they were removed' }
    $task = Ending-Task
    # Without rules it would find nothing to do; with some, it is what ends the isolation.
    if ($null -ne $task) { Unregister-ScheduledTask -InputObject $task -Confirm:$false -ErrorAction Stop }
} catch { Finish 'failed' "the isolation cannot be ended, but ends by itself: $_" }
if ($had) {
    if ($null -ne $keep) { $keep.SetValue('undone', 1) }
    Finish 'done' 'it is back on the network'
}
if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'the isolation was ended before' }
Finish 'gone' 'the isolation is not there any more: it has ended by itself, or somebody else has ended it'
