if ($full) { try { (Get-Process -Id $PID).PriorityClass = 'BelowNormal' } catch { } }
$since = (Get-Date).AddDays(-$days)
$roots = @{}
foreach ($folder in @($homes.Values)) { $roots["$folder"] = $true }
foreach ($folder in $env:ProgramData, $env:PUBLIC, "$env:SystemRoot\Temp", "$env:SystemRoot\Tasks", "$env:SystemDrive\PerfLogs", ("$env:SystemDrive" + '\$Recycle.Bin')) {
    if ("$folder" -match '^[a-z]:\\') { $roots["$folder"] = $true }
}
# A stack of folders, not a recursion. Links and what a cloud would have to be asked for are not entered.
$stack = @{}
$depths = @{}
$top = 0
foreach ($folder in @($roots.Keys)) {
    $stack[$top] = $folder
    $depths[$top] = 0
    $top++
}
$hits = @{}
$walked = 0
$unreadable = 0
$deep = 0
$more = 0
while ($top -gt 0 -and $walked -lt 3000000) {
    $top--
    $folder = $stack[$top]
    $depth = $depths[$top]
    $failures = @()
    if ($full) {
        try { $items = @(([IO.DirectoryInfo]$folder).GetFileSystemInfos()) } catch {
            if (Test-Path -LiteralPath $folder) { $unreadable++ }
            continue
        }
    } else {
        $items = @(Get-ChildItem -LiteralPath $folder -Force -ErrorVariable failures)
        if (@($failures).Count -gt 0 -and (Test-Path -LiteralPath $folder)) { $unreadable++ }
    }
    foreach ($item in $items) {
        $walked++
        $attributes = [int]$item.Attributes
        if ($attributes -band 16) {
            if ($attributes -band 0x440400) { continue }
            if ($depth -lt 63) {
                $stack[$top] = $item.FullName
                $depths[$top] = $depth + 1
                $top++
            } else { $deep++ }
            continue
        }
        if ("$($item.Name)" -notmatch $endings) { continue }
        # Copies keep the time of writing, and are made anew.
        if ($item.LastWriteTime -lt $since -and $item.CreationTime -lt $since) { continue }
        if ($hits.Count -ge 5000) { $more++; continue }
        $hits[$item.FullName] = ($attributes -band 0x441400) -or ($item.Length -gt $largest)
        Row @{ k = 'program'; path = "$($item.FullName)"; size = [long]$item.Length; attributes = $attributes; modified = (When $item.LastWriteTimeUtc); created = (When $item.CreationTimeUtc) }
    }
}
Row @{ k = 'walk'; unreadable = $unreadable; deep = $deep; more = $more; stopped = ($top -gt 0) }
foreach ($path in @($hits.Keys)) {
    $row = @{ k = 'hash'; path = $path }
    if ($hits[$path]) { $row['large'] = $true } else {
        try { $row['sha256'] = "$((Get-FileHash -LiteralPath $path -Algorithm SHA256 -ErrorAction Stop).Hash)" } catch { $row['unread'] = $true }
        # The mark of the web, a stream beside the content.
        foreach ($line in @(Get-Content -LiteralPath $path -Stream 'Zone.Identifier' -TotalCount 20)) {
            if ("$line" -match '^ZoneId=([0-9])') { $row['zone'] = [int]$Matches[1] }
        }
    }
    try { $row['owner'] = "$((Get-Acl -LiteralPath $path -ErrorAction Stop).Sddl)" } catch { }
    Row $row
}
