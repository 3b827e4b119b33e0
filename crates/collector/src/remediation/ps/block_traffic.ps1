if ($image -and $image.StartsWith("$windows\", 'OrdinalIgnoreCase')) { Finish 'refused' 'it is a program of the system: what else that does would be blocked as well' }
$fault = Firewall-Fault
if ($fault) { Finish 'refused' $fault }
$wanted = 0
try {
    $had = @(Rules-Of 'PersistentStore').Count -gt 0
    if ($had) { Remove-NetFirewallRule -Group $rule -ErrorAction Stop }
    foreach ($way in 'Inbound', 'Outbound') {
        if ($image) {
            $null = New-NetFirewallRule -Name "$rule-$way" -DisplayName "$rule $way" -Group $rule -Direction $way -Action Block -Profile Any -Program $image -ErrorAction Stop
            $wanted += 1
        }
        if ($ports) {
            foreach ($protocol in 'TCP', 'UDP') {
                $null = New-NetFirewallRule -Name "$rule-$way-$protocol" -DisplayName "$rule $way $protocol" -Group $rule -Direction $way -Action Block -Profile Any -Protocol $protocol -LocalPort @($ports -split ' ') -ErrorAction Stop
                $wanted += 1
            }
        }
    }
    $held = @(Rules-Of 'ActiveStore' | Where-Object { "$($_.Enabled)" -eq 'True' }).Count
} catch { Finish 'failed' "the firewall refuses the rules: $_" }
if ($held -ne $wanted) { Finish 'failed' "$held of $wanted rules of group $rule are in force after they were made" }
if ($had) { Finish 'already' "the rules of group $rule were there, and were made anew" }
Finish 'done' "the rules of group $rule block it"
