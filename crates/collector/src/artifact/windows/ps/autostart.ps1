foreach ($hive in $hives) {
    foreach ($key in 'Run', 'RunOnce', 'Policies\Explorer\Run') { Values "$hive\Microsoft\Windows\CurrentVersion\$key" }
    # What the task manager has switched off.
    foreach ($list in 'Run', 'Run32', 'StartupFolder') { Values "$hive\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\$list" }
    $winlogon = "$hive\Microsoft\Windows NT\CurrentVersion\Winlogon"
    Values $winlogon
    foreach ($package in @(Get-ChildItem -LiteralPath "Registry::$winlogon\Notify")) { Values "$winlogon\Notify\$($package.PSChildName)" }
}
# The folders have these names on disk in every language.
$below = 'Microsoft\Windows\Start Menu\Programs\Startup'
function Startup($folder, $sid) {
    try { $files = @(Get-ChildItem -LiteralPath $folder -Force -ErrorAction Stop) } catch {
        if ("$($_.CategoryInfo.Category)" -ne 'ObjectNotFound') { Problem $folder $_ }
        return
    }
    foreach ($file in $files) {
        if (-not $file.PSIsContainer) { Row @{ k = 'startup'; path = "$($file.FullName)"; sid = "$sid" } }
    }
}
Startup "$env:ProgramData\$below" ''
$profiles = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList'
try {
    foreach ($account in @(Get-ChildItem -LiteralPath "Registry::$profiles" -ErrorAction Stop)) {
        $settings = Get-ItemProperty -LiteralPath "Registry::$profiles\$($account.PSChildName)"
        if ($settings.ProfileImagePath) { Startup "$($settings.ProfileImagePath)\AppData\Roaming\$below" $account.PSChildName }
    }
} catch { Problem 'ProfileList' $_ }
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
