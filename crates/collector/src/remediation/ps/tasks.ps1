if (-not (Get-Command Get-ScheduledTask)) { Finish 'refused' 'this Windows has no cmdlets for scheduled tasks' }
# By comparing names: as parameters, they could hold wildcards.
function Task-Now { Get-ScheduledTask -ErrorAction Stop | Where-Object { $_.TaskPath -ceq $folder -and $_.TaskName -ceq $name } }
