$listed = $false
try {
    $tasks = @(Get-ScheduledTask -ErrorAction Stop)
    $listed = $true
    foreach ($task in $tasks) {
        $xml = $null
        try { $xml = Export-ScheduledTask -TaskName $task.TaskName -TaskPath $task.TaskPath -ErrorAction Stop } catch { }
        Row @{ k = 'task'; path = "$($task.TaskPath)$($task.TaskName)"; xml = "$xml" }
    }
} catch { Problem 'Get-ScheduledTask' $_ }
# Windows 7 has no such cmdlet.
if (-not $listed) {
    foreach ($line in @(& "$env:SystemRoot\System32\schtasks.exe" /query /xml ONE 2>$null)) { Row @{ k = 'schtasks'; line = "$line" } }
}
# What the registry knows, and the system need not list: a task without a security descriptor is shown to nobody.
$root = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree'
$stack = @{ 0 = '' }
$top = 1
$seen = 0
while ($top -gt 0 -and $seen -lt 20000) {
    $top--
    $folder = $stack[$top]
    try { $keys = @(Get-ChildItem -LiteralPath "Registry::$root$folder" -ErrorAction Stop) } catch { Problem 'TaskCache' $_; continue }
    foreach ($key in $keys) {
        $seen++
        $path = "$folder\$($key.PSChildName)"
        if ((Get-ItemProperty -LiteralPath "Registry::$root$path").Id) { Row @{ k = 'tree'; path = $path } }
        elseif ($path.Length -lt 1024) {
            $stack[$top] = $path
            $top++
        }
    }
}
if ($top -gt 0) { Row @{ k = 'deep' } }
