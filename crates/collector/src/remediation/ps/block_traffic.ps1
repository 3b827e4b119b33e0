if ($image -and $image -like "$env:SystemRoot\*") { Finish 'refused' 'it is a program of the system: what else that does would be blocked as well' }
$had = @(Get-NetFirewallRule -Group $rule -ErrorAction SilentlyContinue).Count -gt 0
$wanted = 0
try {
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
} catch { Finish 'failed' "the firewall refuses the rules: $_" }
if (@(Get-NetFirewallRule -Group $rule -ErrorAction SilentlyContinue | Where-Object { "$($_.Enabled)" -eq 'True' }).Count -ne $wanted) { Finish 'failed' 'the rules are not there after they were made' }
$off = @(Get-NetFirewallProfile | Where-Object { "$($_.Enabled)" -ne 'True' } | ForEach-Object { "$($_.Name)" }) -join ', '
if ($off) { Finish 'failed' "the rules of group $rule were made, and the firewall is off for $off" }
if ($had) { Finish 'already' "the rules of group $rule were there, and were made anew" }
Finish 'done' "the rules of group $rule block it"
