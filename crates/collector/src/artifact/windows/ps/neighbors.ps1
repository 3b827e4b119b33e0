$listed = $false
try {
    $neighbors = @(Get-NetNeighbor -ErrorAction Stop)
    $listed = $true
    foreach ($neighbor in $neighbors) {
        Row @{ k = 'neighbor'; ip = "$($neighbor.IPAddress)"; mac = "$($neighbor.LinkLayerAddress)"; interface = "$($neighbor.InterfaceAlias)"; state = "$($neighbor.State)" }
    }
} catch { Problem 'Get-NetNeighbor' $_ }
# Windows 7 has no such cmdlet.
if (-not $listed) {
    foreach ($line in @(& "$env:SystemRoot\System32\arp.exe" -a 2>$null)) { Row @{ k = 'arp'; line = "$line" } }
    foreach ($line in @(& "$env:SystemRoot\System32\netsh.exe" interface ipv6 show neighbors 2>$null)) { Row @{ k = 'arp'; line = "$line" } }
}
