$hives = @('HKEY_LOCAL_MACHINE\SOFTWARE', 'HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node')
# HKEY_CURRENT_USER would be the collector's own: every hive that is loaded is read instead.
try {
    foreach ($hive in @(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -ErrorAction Stop)) {
        if ($hive.PSChildName -notlike '*_Classes') { $hives += "HKEY_USERS\$($hive.PSChildName)\Software" }
    }
} catch { Problem 'HKEY_USERS' $_ }
foreach ($hive in $hives) {
    foreach ($key in 'Run', 'RunOnce', 'Policies\Explorer\Run') { Values "$hive\Microsoft\Windows\CurrentVersion\$key" }
    $winlogon = "$hive\Microsoft\Windows NT\CurrentVersion\Winlogon"
    Values $winlogon
    foreach ($package in @(Get-ChildItem -LiteralPath "Registry::$winlogon\Notify")) { Values "$winlogon\Notify\$($package.PSChildName)" }
}
try {
    foreach ($service in @(Get-CimInstance -ClassName Win32_Service -ErrorAction Stop)) {
        Row @{ k = 'service'; name = "$($service.Name)"; image = "$($service.PathName)"; user = "$($service.StartName)"; mode = "$($service.StartMode)" }
    }
} catch { Problem 'Win32_Service' $_ }
$listed = $false
try {
    $tasks = @(Get-ScheduledTask -ErrorAction Stop)
    $listed = $true
    foreach ($task in $tasks) {
        foreach ($action in @($task.Actions)) {
            Row @{ k = 'task'; name = "$($task.TaskPath)$($task.TaskName)"; execute = "$($action.Execute)"; arguments = "$($action.Arguments)"; class = "$($action.ClassId)"; user = "$($task.Principal.UserId)"; state = "$($task.State)" }
        }
    }
} catch { Problem 'Get-ScheduledTask' $_ }
# Windows 7 has no such cmdlet.
if (-not $listed) {
    foreach ($line in @(& "$env:SystemRoot\System32\schtasks.exe" /query /fo csv /v 2>$null)) { Row @{ k = 'schtasks'; line = "$line" } }
}
