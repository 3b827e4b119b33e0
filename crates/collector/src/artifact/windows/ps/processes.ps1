$images = @{}
try {
    foreach ($process in @(Get-CimInstance -ClassName Win32_Process -ErrorAction Stop)) {
        $user = $null
        try {
            $owner = Invoke-CimMethod -InputObject $process -MethodName GetOwner -ErrorAction Stop
            if ($owner.User) { $user = "$($owner.Domain)\$($owner.User)" }
        } catch { }
        Row @{ k = 'process'; pid = [long]$process.ProcessId; parent = [long]$process.ParentProcessId; name = "$($process.Name)"; path = "$($process.ExecutablePath)"; line = "$($process.CommandLine)"; user = $user; start = (When $process.CreationDate) }
        if ($process.ExecutablePath) { $images["$($process.ExecutablePath)"] = $true }
    }
} catch { Problem 'Win32_Process' $_ }
# Each distinct image once, after the list itself: hashing is what may run into the time cap.
foreach ($path in @($images.Keys)) {
    $hash = $null
    $status = $null
    $signer = $null
    # The first processes are named as the kernel names files.
    $file = Get-Item -LiteralPath ($path -replace '^\\\?\?\\', '' -replace '^\\SystemRoot(?=\\)', $env:SystemRoot) -Force
    if ($null -eq $file) { Row @{ k = 'image'; path = $path; unread = $true }; continue }
    if ($file.Length -le 536870912) {
        try { $hash = "$((Get-FileHash -LiteralPath $file.FullName -Algorithm SHA256 -ErrorAction Stop).Hash)" } catch { }
    }
    try {
        $signature = Get-AuthenticodeSignature -LiteralPath $file.FullName -ErrorAction Stop
        $status = "$($signature.Status)"
        if ($null -ne $signature.SignerCertificate) { $signer = "$($signature.SignerCertificate.Subject)" }
    } catch { }
    Row @{ k = 'image'; path = $path; size = [long]$file.Length; sha256 = $hash; signature = $status; signer = $signer }
}
