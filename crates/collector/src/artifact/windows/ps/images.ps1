# The program file of a command line, as the kernel, the registry or a person spells it.
function FileOf($line) {
    $line = "$line".Trim()
    $file = $line
    if ($line -match '^"([^"]+)"') { $file = $Matches[1] }
    elseif ($line -match '^(.+?[.](exe|com|sys|dll|bat|cmd))(\s|$)') { $file = $Matches[1] }
    $file -replace '^\\\?\?\\', '' -replace '^(\\SystemRoot|%SystemRoot%|%windir%)(?=\\)', $env:SystemRoot -replace '^system32(?=\\)', "$env:SystemRoot\System32"
}
$images = @{}
# Each distinct file once, after the list itself: hashing is what may run into the time cap. Other machines are not asked.
function Images {
    foreach ($path in @($images.Keys)) {
        $file = $null
        if ($path -match '^[a-z]:\\') { $file = Get-Item -LiteralPath $path -Force }
        if ($null -eq $file -or $file.PSIsContainer) { Row @{ k = 'image'; path = $path; unread = $true }; continue }
        $hash = $null
        $status = $null
        $signer = $null
        $large = $file.Length -gt 536870912
        if (-not $large) {
            try { $hash = "$((Get-FileHash -LiteralPath $file.FullName -Algorithm SHA256 -ErrorAction Stop).Hash)" } catch { }
        }
        try {
            $signature = Get-AuthenticodeSignature -LiteralPath $file.FullName -ErrorAction Stop
            $status = "$($signature.Status)"
            if ($null -ne $signature.SignerCertificate) { $signer = "$($signature.SignerCertificate.Subject)" }
        } catch { }
        Row @{ k = 'image'; path = $path; sha256 = $hash; signature = $status; signer = $signer; large = $large }
    }
}
