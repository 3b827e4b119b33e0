$policies = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy', 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\WindowsFirewall'
foreach ($policy in $policies) {
    foreach ($area in 'DomainProfile', 'StandardProfile', 'PrivateProfile', 'PublicProfile') {
        Values "$policy\$area"
        # Older than the rules, and still honoured.
        Values "$policy\$area\AuthorizedApplications\List"
        Values "$policy\$area\GloballyOpenPorts\List"
    }
    Values "$policy\FirewallRules"
}
foreach ($part in 'AppIso\FirewallRules', 'Configurable\System', 'Static\System') { Values "$($policies[0])\RestrictedServices\$part" }
