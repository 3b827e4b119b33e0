$listed = $false
try {
    $tcp = @(Get-NetTCPConnection -ErrorAction Stop)
    $udp = @(Get-NetUDPEndpoint -ErrorAction Stop)
    $listed = $true
    foreach ($socket in $tcp) {
        Row @{ k = 'tcp'; local = "$($socket.LocalAddress)"; port = [int]$socket.LocalPort; remote = "$($socket.RemoteAddress)"; peer = [int]$socket.RemotePort; state = "$($socket.State)"; pid = [long]$socket.OwningProcess }
    }
    foreach ($socket in $udp) {
        Row @{ k = 'udp'; local = "$($socket.LocalAddress)"; port = [int]$socket.LocalPort; pid = [long]$socket.OwningProcess }
    }
} catch { Problem 'Get-NetTCPConnection' $_ }
# Windows 7 has no such cmdlets, and netstat asks nobody for permission.
if (-not $listed) {
    foreach ($line in @(& "$env:SystemRoot\System32\netstat.exe" -ano 2>$null)) { Row @{ k = 'netstat'; line = "$line" } }
}
try {
    foreach ($process in @(Get-CimInstance -ClassName Win32_Process -ErrorAction Stop)) {
        Row @{ k = 'process'; pid = [long]$process.ProcessId; name = "$($process.Name)"; path = "$($process.ExecutablePath)" }
    }
} catch { Problem 'Win32_Process' $_ }
