# Why rules of this machine's own would block nothing, where they would not.
function Firewall-Fault {
    if (-not (Get-Command New-NetFirewallRule)) { return 'this Windows has no cmdlets for its firewall' }
    try { $areas = @(Get-NetFirewallProfile -PolicyStore ActiveStore -ErrorAction Stop) } catch { return "the firewall cannot be asked: $_" }
    if ($areas.Count -ne 3) { return "the firewall names $($areas.Count) profiles, and not three" }
    foreach ($area in $areas) {
        if ("$($area.Enabled)" -ne 'True') { return "the firewall is off in the profile $($area.Name): its rules block nothing there" }
        if ("$($area.AllowLocalFirewallRules)" -eq 'False') { return "group policy lets no rule of the machine's own count in the profile $($area.Name)" }
    }
}
# Rules of this measure, in the machine's own policy or, where that is named, in what is in force.
function Rules-Of($store) {
    try { Get-NetFirewallRule -Group $rule -PolicyStore $store -ErrorAction Stop } catch { if (-not (Is-Missing $_)) { throw } }
}
