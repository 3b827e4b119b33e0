# Sizes, owners and times. What they hold is not opened.
function Kept($file) {
    $row = @{ k = 'history'; path = "$($file.FullName)"; size = [long]$file.Length; modified = (When $file.LastWriteTimeUtc) }
    if ([int]$file.Attributes -band 0x400) { $row['target'] = "$(@($file.Target)[0])" }
    try { $row['owner'] = "$((Get-Acl -LiteralPath $file.FullName -ErrorAction Stop).Sddl)" } catch { }
    Row $row
}
foreach ($sid in @($homes.Keys)) {
    $folder = $homes[$sid]
    try {
        foreach ($file in @(Get-ChildItem -LiteralPath "$folder\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine" -Force -ErrorAction Stop)) {
            if (-not $file.PSIsContainer -and "$($file.Name)" -like '*_history.txt') { Kept $file }
        }
    } catch { if ("$($_.CategoryInfo.Category)" -ne 'ObjectNotFound') { Problem $folder $_ } }
    foreach ($name in '.bash_history', '.zsh_history', '.python_history', '.node_repl_history', '.mysql_history', '.psql_history', '.lesshst', '.viminfo', '_viminfo') {
        $file = Found "$folder\$name"
        if ($null -ne $file -and -not $file.PSIsContainer) { Kept $file }
    }
}
foreach ($path in @($closed.Keys)) { Problem $path $closed[$path] }
