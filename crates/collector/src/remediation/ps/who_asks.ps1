# Where this order comes from, as this machine sees it: nothing is changed.
if ($env:SSH_CONNECTION) {
    Tell 'ssh' $env:SSH_CONNECTION
    Finish 'done' 'over SSH'
}
$wanted = @($ports -split ' ')
try {
    $peers = @(Get-NetTCPConnection -State Established -ErrorAction Stop | Where-Object { $wanted -contains "$($_.LocalPort)" } | ForEach-Object { "$($_.RemoteAddress)" } | Sort-Object -Unique)
} catch { Finish 'failed' "the connections cannot be listed: $_" }
if ($peers.Count -gt 16) { Finish 'refused' "$($peers.Count) addresses are connected to the ports that orders come over" }
$at = 0
foreach ($peer in $peers) {
    $at += 1
    Tell "peer$at" $peer
}
Finish 'done' "$($peers.Count) addresses"
