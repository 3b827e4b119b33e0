$listed = $false
try {
    $records = @(Get-DnsClientCache -ErrorAction Stop)
    $listed = $true
    foreach ($record in $records) {
        Row @{ k = 'dns'; name = "$($record.Entry)"; type = "$($record.Type)"; status = "$($record.Status)"; ttl = [long]$record.TimeToLive; data = "$($record.Data)" }
    }
} catch { Problem 'Get-DnsClientCache' $_ }
# Windows 7 has no such cmdlet.
if (-not $listed) {
    foreach ($line in @(& "$env:SystemRoot\System32\ipconfig.exe" /displaydns 2>$null)) { Row @{ k = 'displaydns'; line = "$line" } }
}
