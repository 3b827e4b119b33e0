if (-not (Get-Command Register-ScheduledTask)) { Finish 'refused' 'this Windows has no cmdlets for scheduled tasks: nothing would end the isolation by itself' }
$fault = Firewall-Fault
if ($fault) { Finish 'refused' $fault }
# What ends it comes first. It survives a restart, as the rules do, and is tried again every five minutes until no rule is left.
$ends = [DateTime]::UtcNow.AddSeconds([double]$seconds)
try {
    $trigger = New-ScheduledTaskTrigger -Once -At ($ends.ToLocalTime()) -RepetitionInterval ([TimeSpan]::FromMinutes(5)) -ErrorAction Stop
    # In UTC, so that it is the same moment in another time zone.
    $trigger.StartBoundary = $ends.ToString('yyyy-MM-dd''T''HH:mm:ss''Z''', [Globalization.CultureInfo]::InvariantCulture)
    # By name, without PowerShell; and by group, with a look at what is left.
    $byName = New-ScheduledTaskAction -Execute "$windows\System32\netsh.exe" -Argument ('advfirewall firewall delete rule name=RULE'.Replace('RULE', $rule)) -ErrorAction Stop
    $byGroup = New-ScheduledTaskAction -Execute "$windows\System32\WindowsPowerShell\v1.0\powershell.exe" -Argument ('-NoLogo -NoProfile -NonInteractive -Command "ENDING"'.Replace('ENDING', $ending).Replace('RULE', $rule)) -ErrorAction Stop
    $principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -LogonType ServiceAccount -RunLevel Highest -ErrorAction Stop
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable -MultipleInstances IgnoreNew -ExecutionTimeLimit ([TimeSpan]::FromMinutes(10)) -ErrorAction Stop
    $null = Register-ScheduledTask -TaskPath $taskFolder -TaskName $rule -Action $byName, $byGroup -Trigger $trigger -Principal $principal -Settings $settings -Description 'Ends an isolation that Peerhound was ordered to make.' -Force -ErrorAction Stop
    $task = Ending-Task
    if ($null -eq $task -or "$($task.State)" -ne 'Ready' -or @($task.Actions).Count -ne 2) { Finish 'failed' 'nothing would end the isolation by itself: its task is not there after it was made' }
    $next = (Get-ScheduledTaskInfo -InputObject $task -ErrorAction Stop).NextRunTime
    if ($null -eq $next -or ([DateTime]$next).ToUniversalTime() -gt $ends.AddMinutes(2)) { Finish 'failed' "nothing would end the isolation in time: its task runs next at '$next'" }
} catch { Finish 'failed' "nothing would end the isolation by itself: $_" }
$addresses = @($v4 -split ' ') + @($v6 -split ' ')
function Cut($what, $protocol, $whom) {
    foreach ($way in 'Inbound', 'Outbound') {
        $null = New-NetFirewallRule -Name "$rule-$way-$what" -DisplayName $rule -Group $rule -Direction $way -Action Block -Profile Any -Protocol $protocol -RemoteAddress $whom -ErrorAction Stop
    }
}
function Cut-Ports($what, $here, $there) {
    foreach ($way in 'Inbound', 'Outbound') {
        $null = New-NetFirewallRule -Name "$rule-$way-$what" -DisplayName $rule -Group $rule -Direction $way -Action Block -Profile Any -Protocol UDP -LocalPort $here -RemotePort $there -RemoteAddress $addresses -ErrorAction Stop
    }
}
try {
    $keep.SetValue('until', $ends.ToString('o'))
    $had = @(Rules-Of 'PersistentStore').Count -gt 0
    if ($had) { Remove-NetFirewallRule -Group $rule -ErrorAction Stop }
    # Without its domain a machine may take its network for a public one, where WinRM lets in its neighbours alone.
    $null = New-NetFirewallRule -Name "$rule-Inbound-order" -DisplayName $rule -Group $rule -Direction Inbound -Action Allow -Profile Any -Protocol TCP -LocalPort @($ports -split ' ') -RemoteAddress $peer -ErrorAction Stop
    Cut 'tcp' 'TCP' $addresses
    # All of UDP but what it takes to keep an address: from port 68 to 67, and from 546 to 547 (DHCP).
    Cut-Ports 'udp' 'Any' @('0-66', '68-546', '548-65535')
    Cut-Ports 'dhcp' @('0-67', '69-65535') '67'
    Cut-Ports 'dhcp6' @('0-545', '547-65535') '547'
    Cut 'icmp4' 'ICMPv4' @($v4 -split ' ')
    # Neighbours on the same link find each other by it.
    Cut 'icmp6' 'ICMPv6' @($beyond -split ' ')
    # A rule names one protocol, or all. These carry other packets, or reach many: IGMP, IP in IP, IPv6 in IP, GRE, ESP, AH, PIM,
    # VRRP, PGM, L2TP, SCTP, UDP-Lite.
    foreach ($number in '2', '4', '41', '47', '50', '51', '103', '112', '113', '115', '132', '136') { Cut $number $number $addresses }
    $held = @(Rules-Of 'ActiveStore' | Where-Object { "$($_.Enabled)" -eq 'True' }).Count
    $kept = @((Get-NetFirewallRule -Name "$rule-Outbound-tcp" -ErrorAction Stop | Get-NetFirewallAddressFilter -ErrorAction Stop).RemoteAddress)
    # Where the firewall had lost the ranges, nothing at all would be kept reachable.
    if ($held -ne 37 -or $kept -contains 'Any' -or $kept.Count -eq 0) { throw "$held of 37 rules are in force, about $($kept.Count) ranges" }
} catch {
    $why = "$_"
    try { if (@(Rules-Of 'PersistentStore').Count -gt 0) { Remove-NetFirewallRule -Group $rule -ErrorAction Stop } } catch { Finish 'failed' "the isolation is not whole ($why), and ends by itself at $($ends.ToString('u'))" }
    Finish 'failed' "the firewall refuses the isolation: $why"
}
$bypass = @(Get-NetFirewallSecurityFilter -OverrideBlockRules $true -PolicyStore ActiveStore -ErrorAction SilentlyContinue).Count
if ($bypass -gt 0) { Note "$bypass rules that override blocks stay open to whom they authenticate (IPsec)" }
$machines = @(Get-CimInstance -ClassName Win32_Process -ErrorAction SilentlyContinue | Where-Object { @('vmwp.exe', 'vmmemWSL', 'vmware-vmx.exe', 'VBoxHeadless.exe', 'VirtualBoxVM.exe') -contains $_.Name }).Count
if ($machines -gt 0) { Note "$machines virtual machines run on it, which its firewall does not cut off" }
$others = @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName FirewallProduct -ErrorAction SilentlyContinue | ForEach-Object { "$($_.displayName)" }) -join ', '
if ($others) { Note "another firewall is registered, which may have taken the place of Windows' own: $others" }
if ($had) { Finish 'already' "it was isolated before: from now on until $($ends.ToString('u')), by the rules of group $rule" }
Finish 'done' "it is cut off until $($ends.ToString('u')), by the rules of group $rule"
