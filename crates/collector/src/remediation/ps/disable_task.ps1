try {
    $now = @(Task-Now)
    if ($now.Count -eq 0) { Finish 'gone' 'there is no such task any more' }
    $task = $now[0]
    $runs = @(foreach ($action in @($task.Actions)) {
        $line = "$($action.Execute) $($action.Arguments)".Trim()
        if ($line) { $line } elseif ($action.ClassId) { "COM class $($action.ClassId)" }
    })
    if ($runs -cnotcontains $command.Trim()) { Finish 'refused' "it is not what was collected: it runs $($runs -join ', ') now" }
    $was = "$($task.State)"
    if ($was -eq 'Disabled') {
        if ($null -eq $keep.GetValue('enabled')) { Finish 'gone' 'somebody else has disabled it already' }
        Finish 'already' 'it was disabled by an earlier try'
    }
    $keep.SetValue('enabled', 1)
    $keep.Flush()
    $null = Disable-ScheduledTask -InputObject $task -ErrorAction Stop
    if ("$((Task-Now).State)" -ne 'Disabled') { Finish 'failed' 'it is not disabled after it was' }
} catch { Finish 'failed' "it cannot be disabled: $_" }
if ($was -eq 'Running') {
    try { Stop-ScheduledTask -InputObject $task -ErrorAction Stop } catch { Note "what it has started goes on: $_" }
}
Finish 'done' 'it was disabled'
