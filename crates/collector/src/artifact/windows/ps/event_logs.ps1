$logs = 'Security', 'System', 'Application', 'Windows PowerShell', 'Microsoft-Windows-PowerShell/Operational', 'Microsoft-Windows-Sysmon/Operational', 'Microsoft-Windows-Windows Defender/Operational', 'Microsoft-Windows-TaskScheduler/Operational', 'Microsoft-Windows-WMI-Activity/Operational', 'Microsoft-Windows-TerminalServices-LocalSessionManager/Operational', 'Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational', 'Microsoft-Windows-WinRM/Operational', 'Microsoft-Windows-Bits-Client/Operational', 'OpenSSH/Operational'
foreach ($name in $logs) {
    try { $log = Get-WinEvent -ListLog $name -ErrorAction Stop } catch {
        if ("$($_.FullyQualifiedErrorId)" -notlike 'NoMatchingLogsFound*') { Problem $name $_ }
        continue
    }
    $oldest = $null
    try { $oldest = (Get-WinEvent -LogName $name -Oldest -MaxEvents 1 -ErrorAction Stop).TimeCreated } catch { }
    Row @{ k = 'log'; log = $name; enabled = [bool]$log.IsEnabled; records = [long]$log.RecordCount; max = [long]$log.MaximumSizeInBytes; oldest = (When $oldest) }
}
function Cleared($log, $id, $provider, $user, $domain, $which) {
    try { $found = @(Get-WinEvent -LogName $log -FilterXPath "*[System[Provider[@Name='$provider'] and (EventID=$id)]]" -MaxEvents 1000 -ErrorAction Stop) } catch {
        if ("$($_.FullyQualifiedErrorId)" -notlike 'NoMatchingEventsFound*') { Problem "$log $id" $_ }
        return
    }
    foreach ($entry in $found) {
        $of = $log
        if ($which -ge 0) { $of = "$($entry.Properties[$which].Value)" }
        Row @{ k = 'cleared'; log = $of; at = (When $entry.TimeCreated); user = "$($entry.Properties[$user].Value)"; domain = "$($entry.Properties[$domain].Value)" }
    }
}
Cleared 'Security' 1102 'Microsoft-Windows-Eventlog' 1 2 -1
Cleared 'System' 104 'Microsoft-Windows-Eventlog' 0 1 2
