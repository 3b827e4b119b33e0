try { $keep = $local.OpenSubKey($place, $true) } catch { Finish 'refused' "HKEY_LOCAL_MACHINE\$place is closed to this account" }
if ($null -eq $keep -or -not $keep.GetValue('sha256')) { Finish 'failed' "nothing is kept in HKEY_LOCAL_MACHINE\${place}: it was never moved, or somebody took that away" }
$kept = "$($keep.GetValue('sha256'))"
if ("$($keep.GetValue('path'))" -cne $path) { Finish 'refused' "what is kept under this number came from $($keep.GetValue('path'))" }
if ($sha256 -and $sha256 -ne $kept) { Finish 'refused' 'what is kept under this number has another SHA-256 than the order says' }
if (-not [IO.File]::Exists($item)) {
    if ($null -ne $keep.GetValue('undone')) { Finish 'already' 'it was put back before' }
    Finish 'failed' "nothing lies in $store any more: somebody took it away"
}
$above = [IO.Path]::GetDirectoryName($path)
$aside = "$path.peerhound"
try {
    if ((Hash-At $item) -ne $kept) { Finish 'refused' "what is kept in $store is not what was moved" }
    if (-not [IO.Directory]::Exists($above)) { Finish 'refused' "its folder is not there any more; it stays in $store" }
    $link = Link-In $above
    if ($link) { Finish 'refused' "$link on its way is a link by now; it stays in $store" }
    $taken = [IO.File]::Exists($path) -or [IO.Directory]::Exists($path)
    # An earlier try was ended between the copy and the removal of what was kept.
    $whole = $taken -and $null -ne $keep.GetValue('copying') -and [IO.File]::Exists($path) -and (Hash-At $path) -eq $kept
} catch { Finish 'failed' "it cannot be looked at: $_" }
if ($taken -and -not $whole) { Finish 'refused' "something lies in its place: that was left alone, and what was moved stays in $store" }
try {
    if (Same-Volume $path) {
        # Given back to its owner where only administrators come, and then moved: in its place, others could put another
        # file under the name that gets the list.
        $list = New-Object Security.AccessControl.FileSecurity
        $list.SetSecurityDescriptorSddlForm("$($keep.GetValue('list'))")
        Set-Acl -LiteralPath $item -AclObject $list -ErrorAction Stop
        [IO.File]::Move($item, $path)
    } elseif (-not $whole) {
        if ($null -ne $keep.GetValue('copying')) { [IO.File]::Delete($aside) }
        $keep.SetValue('copying', 1)
        [IO.File]::Copy($item, $aside)
        [IO.File]::Move($aside, $path)
    }
    if ((Hash-At $path) -ne $kept) { Finish 'failed' "what was put back is not what was moved; look into $store" }
    [IO.File]::Delete($item)
} catch {
    if ([IO.File]::Exists($item)) { [IO.File]::SetAccessControl($item, $closedFile) }
    Finish 'failed' "it cannot be put back: $_"
}
$keep.SetValue('undone', 1)
$keep.DeleteValue('copying', $false)
Finish 'done' 'it was put back'
