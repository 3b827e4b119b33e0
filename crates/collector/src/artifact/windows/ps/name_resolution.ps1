$tcpip = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip'
$folder = "$((Get-ItemProperty -LiteralPath "Registry::$tcpip\Parameters").DataBasePath)"
if (-not $folder) { $folder = "$env:SystemRoot\System32\drivers\etc" }
try {
    if ($folder -notmatch '^[a-z]:\\') { throw "it lies at $folder, which is no folder of this machine" }
    $file = Get-Item -LiteralPath "$folder\hosts" -Force -ErrorAction Stop
    Row @{ k = 'file'; path = "$($file.FullName)"; modified = (When $file.LastWriteTimeUtc) }
    if ($file.Length -gt 4194304) { throw 'it is longer than 4 MiB' }
    $lines = @(Get-Content -LiteralPath $file.FullName -TotalCount 20001 -ErrorAction Stop)
    if ($lines.Count -gt 20000) { Row @{ k = 'long' } }
    foreach ($line in @($lines | Select-Object -First 20000)) {
        if ("$line" -match '^\s*[0-9a-fA-F:]') { Row @{ k = 'line'; line = "$line" } }
    }
} catch { if ("$($_.CategoryInfo.Category)" -ne 'ObjectNotFound') { Problem 'the hosts file' $_ } }
$servers = 'NameServer', 'DhcpNameServer', 'Domain', 'DhcpDomain', 'NV Domain', 'SearchList', 'DataBasePath'
foreach ($stack in $tcpip, 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip6') {
    Values "$stack\Parameters" $servers
    Below "$stack\Parameters\Interfaces" $servers
}
Values "$tcpip\ServiceProvider" @('LocalPriority', 'HostsPriority', 'DnsPriority', 'NetbtPriority')
# Rules for single names, of the machine and of group policy.
Below 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Dnscache\Parameters\DnsPolicyConfig' @('Name', 'GenericDNSServers')
$policy = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient'
Below "$policy\DnsPolicyConfig" @('Name', 'GenericDNSServers')
Values $policy @('EnableMulticast', 'DoHPolicy', 'NameServer', 'SearchList')
$proxy = 'Microsoft\Windows\CurrentVersion\Internet Settings'
$wanted = 'ProxyEnable', 'ProxyServer', 'ProxyOverride', 'AutoConfigURL', 'AutoDetect'
foreach ($hive in 'HKEY_LOCAL_MACHINE\SOFTWARE', 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies') { Values "$hive\$proxy" $wanted }
foreach ($user in $users) {
    Values "HKEY_USERS\$user\Software\$proxy" $wanted
    Values "HKEY_USERS\$user\Software\Policies\$proxy" $wanted
}
# What services use.
Values "HKEY_LOCAL_MACHINE\SOFTWARE\$proxy\Connections" @('WinHttpSettings')
