# The latest first, so that the cap cuts off the oldest. 30 days, in milliseconds. Fields go by their places, which the event's
# number fixes; no message is read.
$most = 4000
$recent = 'TimeCreated[timediff(@SystemTime) <= 2592000000]'
function Events($log, $id, $provider, $data, $fields) {
    try { $found = @(Get-WinEvent -LogName $log -FilterXPath "*[System[$provider(EventID=$id) and $recent]$data]" -MaxEvents $most -ErrorAction Stop) } catch {
        if ("$($_.FullyQualifiedErrorId)" -notlike 'NoMatchingEventsFound*') { Problem "$log $id" $_ }
        return
    }
    if (@($found).Count -ge $most) { Row @{ k = 'more' } }
    foreach ($entry in $found) {
        $row = @{ k = 'event'; log = $log; id = $id; at = (When $entry.TimeCreated) }
        foreach ($field in @($fields.Keys)) { $row[$field] = "$($entry.Properties[$fields[$field]].Value)" }
        Row $row
    }
}
# Services log on all day.
$people = " and EventData[Data[@Name='LogonType']!='5']"
Events 'Security' 4624 '' $people @{ user = 5; domain = 6; session = 7; type = 8; host = 11; program = 17; address = 18; by = 1; by_domain = 2 }
Events 'Security' 4625 '' '' @{ user = 5; domain = 6; type = 10; host = 13; program = 18; address = 19; by = 1; by_domain = 2 }
Events 'Security' 4634 '' $people @{ user = 1; domain = 2; session = 3; type = 4 }
Events 'Security' 4672 '' '' @{ user = 1; domain = 2; session = 3 }
Events 'Security' 4648 '' '' @{ user = 5; domain = 6; session = 3; target = 8; program = 11; address = 12; by = 1; by_domain = 2 }
foreach ($id in 21, 23, 24, 25) {
    $fields = @{ user = 0; session = 1; address = 2 }
    if ($id -eq 23) { $fields = @{ user = 0; session = 1 } }
    Events 'Microsoft-Windows-TerminalServices-LocalSessionManager/Operational' $id '' '' $fields
}
$kernel = "Provider[@Name='Microsoft-Windows-Kernel-General'] and "
foreach ($id in 12, 13) { Events 'System' $id $kernel '' @{} }
