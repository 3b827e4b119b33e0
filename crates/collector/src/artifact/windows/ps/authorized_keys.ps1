$config = Found "$env:ProgramData\ssh\sshd_config"
if ($null -ne $config) {
    try {
        foreach ($line in @(Get-Content -LiteralPath $config.FullName -TotalCount 5000 -ErrorAction Stop)) {
            if ("$line" -match '^\s*AuthorizedKeys(File|Command)\s') { Row @{ k = 'setting'; line = "$line".Trim() } }
        }
    } catch { Problem $config.FullName $_ }
}
$files = @{ "$env:ProgramData\ssh\administrators_authorized_keys" = '' }
foreach ($sid in @($homes.Keys)) {
    foreach ($name in 'authorized_keys', 'authorized_keys2') { $files["$($homes[$sid])\.ssh\$name"] = $sid }
}
foreach ($path in @($files.Keys)) {
    $file = Found $path
    if ($null -eq $file -or $file.PSIsContainer) { continue }
    Row @{ k = 'file'; path = "$($file.FullName)"; sid = "$($files[$path])"; modified = (When $file.LastWriteTimeUtc) }
    if ($file.Length -gt 4194304) { Problem $path 'it is longer than 4 MiB'; continue }
    $number = 0
    try {
        foreach ($line in @(Get-Content -LiteralPath $file.FullName -TotalCount 5001 -ErrorAction Stop)) {
            $number++
            if ("$line".Trim()) { Row @{ k = 'line'; number = $number; line = "$line" } }
        }
    } catch { Problem $path $_ }
}
foreach ($path in @($closed.Keys)) { Problem $path $closed[$path] }
