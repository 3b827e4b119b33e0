if ($full) { try { (Get-Process -Id $PID).PriorityClass = 'BelowNormal' } catch { } }
# Without a second reader of the same file being shut out.
function Content($path) {
    if ($full) {
        $stream = [IO.File]::Open($path, 'Open', 'Read', 'ReadWrite, Delete')
        $bytes = [byte[]]::new($stream.Length)
        $got = $stream.Read($bytes, 0, $bytes.Length)
        $stream.Dispose()
        if ($got -eq $bytes.Length) { @{ base64 = [Convert]::ToBase64String($bytes) } }
        return
    }
    if ((Get-Item -LiteralPath $path -Force).Length -gt 262144) { return }
    $bytes = Get-Content -LiteralPath $path -Encoding Byte -ReadCount 0
    @{ hex = (-join (@($bytes) | ForEach-Object { '{0:x2}' -f $_ })) }
}
function Hit($item, $attributes) {
    $row = @{ k = 'hit'; path = "$($item.FullName)"; folder = [bool]($attributes -band 16); attributes = $attributes; modified = (When $item.LastWriteTimeUtc); accessed = (When $item.LastAccessTimeUtc); created = (When $item.CreationTimeUtc) }
    try { $row['owner'] = "$((Get-Acl -LiteralPath $item.FullName -ErrorAction Stop).Owner)" } catch { }
    if (-not ($attributes -band 16)) {
        $row['size'] = [long]$item.Length
        # What lies in a cloud is not fetched from there.
        if (-not ($attributes -band 0x441400) -and $item.FullName -match $read -and $item.Length -le $most) {
            try { $content = Content $item.FullName; if ($null -ne $content) { $row += $content } } catch { $row['why'] = "$_" }
        }
    }
    Row $row
}
# A stack of folders, not a recursion. Links, mounted folders and what a cloud would have to be asked for are not entered.
$stack = @{}
$depths = @{}
$top = 0
$unreadable = 0
$deep = 0
try {
    foreach ($drive in @(Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType = 3' -ErrorAction Stop)) {
        $stack[$top] = "$($drive.DeviceID)\"
        $depths[$top] = 0
        $top++
        Row @{ k = 'drive'; path = "$($drive.DeviceID)" }
    }
} catch { Problem 'Win32_LogicalDisk' $_ }
# Volumes without a letter that are mounted in a folder. The folder is a link, which the walk itself does not enter; what is
# mounted nowhere (to start from, to recover by) no client can write to.
try {
    foreach ($volume in @(Get-CimInstance -ClassName Win32_Volume -Filter 'DriveType = 3' -ErrorAction Stop)) {
        if ($volume.DriveLetter -or "$($volume.Name)" -notmatch '^[a-z]:\\.') { continue }
        $stack[$top] = "$($volume.Name)"
        $depths[$top] = 0
        $top++
        Row @{ k = 'drive'; path = "$($volume.Name)" }
    }
} catch { Problem 'Win32_Volume' $_ }
while ($top -gt 0) {
    $top--
    $folder = $stack[$top]
    $depth = $depths[$top]
    if ($full) {
        try { $items = @(([IO.DirectoryInfo]$folder).GetFileSystemInfos()) } catch { $unreadable++; continue }
    } else {
        $failures = @()
        $items = @(Get-ChildItem -LiteralPath $folder -Force -ErrorVariable failures)
        if (@($failures).Count -gt 0) { $unreadable++ }
    }
    foreach ($item in $items) {
        $attributes = [int]$item.Attributes
        if (($attributes -band 16) -and -not ($attributes -band 0x440400) -and $item.FullName -ne $env:SystemRoot -and $item.Name -ne 'System Volume Information') {
            if ($depth -lt 63) {
                $stack[$top] = $item.FullName
                $depths[$top] = $depth + 1
                $top++
            } else { $deep++ }
        }
        if ($item.Name -match $names) { Hit $item $attributes }
    }
}
Row @{ k = 'walk'; unreadable = $unreadable; deep = $deep; full = $full }
