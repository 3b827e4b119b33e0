# What an earlier try left half done is put to its end.
$kept = Kept 'sha256'
if ($kept -and [IO.File]::Exists($item)) {
    try {
        if ((Hash-At $item) -ne $kept) { Finish 'failed' "what lies in $store is not what was moved there: look at it" }
        [IO.File]::SetAccessControl($item, $closedFile)
        $again = [IO.File]::Exists($path)
        if ($again -and (Kept 'copied') -and -not (Link-In $path) -and (Hash-At $path) -eq $kept) {
            [IO.File]::Delete($path)
            $keep.DeleteValue('copied', $false)
            $again = $false
        }
    } catch { Finish 'failed' "what an earlier try has moved to $store cannot be looked at: $_" }
    Tell 'sha256' $kept
    if ($again) { Finish 'already' "it was moved to $store by an earlier try; something else lies in its place again" }
    Finish 'already' "it was moved to $store by an earlier try"
}
try { $attributes = [int][IO.File]::GetAttributes($path) } catch {
    if (Is-Missing $_) { Finish 'gone' 'nothing lies there any more' }
    Finish 'failed' "it cannot be looked at: $_"
}
if ($attributes -band 0x10) { Finish 'refused' 'it is a folder' }
if ($attributes -band 0x441400) { Finish 'refused' 'it is a link, or lies in a cloud and not on this machine' }
try { $held = [IO.File]::Open($path, 'Open', 'Read', 'Read, Delete') } catch { Finish 'failed' "it is in use, or cannot be read: end what has it open first ($_)" }
# While it is held, nobody writes to it, and NTFS renames no folder above it.
try {
    $link = Link-In $path
    if ($link) { Finish 'refused' "$link on its way is a link, a mounted volume or a folder of a cloud: nothing is moved through it" }
    if ($size -and $held.Length -ne [long]$size) { Finish 'refused' "it has another size than it had: $($held.Length) bytes, and not $size" }
    if ((Get-Item -LiteralPath $path -Force -ErrorAction Stop).LinkType) { Finish 'refused' 'it has another name as well (a hard link): the same file lies elsewhere' }
    $before = Hash-Of $held
    $streams = Streams-Of $path
    $list = [IO.File]::GetAccessControl($path, 'Owner, Group, Access').GetSecurityDescriptorSddlForm('Owner, Group, Access')
} catch { Finish 'failed' "it cannot be looked at: $_" }
try { $fault = Make-Store } catch { $fault = "$store cannot be made: $_" }
if ($fault) { Finish 'refused' $fault }
$near = Same-Volume $path
try {
    $keep.SetValue('path', $path)
    $keep.SetValue('sha256', $before)
    $keep.SetValue('list', $list)
    $keep.DeleteValue('copied', $false)
    $keep.Flush()
    if ($near) { [IO.File]::Move($path, $item) } else {
        [IO.File]::Delete("$store\item.new")
        [IO.File]::Copy($path, "$store\item.new")
        if ((Hash-At "$store\item.new") -ne $before) { Finish 'failed' 'it changed while it was copied' }
        if ((Streams-Of "$store\item.new") -ne $streams) { Finish 'refused' 'it has streams beside its content that the copy has not: it was left where it is' }
        $keep.SetValue('copied', 1)
        [IO.File]::Move("$store\item.new", $item)
        [IO.File]::Delete($path)
    }
    $held.Dispose()
} catch { Finish 'failed' "it cannot be moved: $_" }
try {
    if ((Hash-At $item) -ne $before -or (Streams-Of $item) -ne $streams) {
        # Never over what lies there by now.
        if ($near) { [IO.File]::Move($item, $path) }
        Finish 'refused' 'it was replaced while it was moved: what was moved instead was put back'
    }
    [IO.File]::SetAccessControl($item, $closedFile)
} catch { Finish 'failed' "it was moved to $store, and cannot be closed to others there: order it again ($_)" }
if ([IO.File]::Exists($path)) { Finish 'failed' "it was copied to $store, and cannot be removed from its place: order it again" }
$keep.DeleteValue('copied', $false)
Tell 'sha256' $before
Finish 'done' "it was moved to $store"
