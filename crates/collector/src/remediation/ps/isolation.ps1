$taskFolder = '\Peerhound\'
if ($rule -cnotmatch '^peerhound-[A-Za-z0-9_-]{1,80}$') { Finish 'refused' 'the name of the case is none that a task could be called by' }
# The task that ends the isolation; nothing where there is none.
function Ending-Task {
    try { Get-ScheduledTask -TaskPath $taskFolder -TaskName $rule -ErrorAction Stop } catch { if (-not (Is-Missing $_)) { throw } }
}
