try { $keep = $local.CreateSubKey($place) } catch { $keep = $null }
if ($null -eq $keep) { Finish 'refused' 'this account may not write to HKEY_LOCAL_MACHINE\SOFTWARE: it is no administrator there' }
$before = "$($keep.GetValue('measure'))"
if ($before -and $before -ne $measure) { Finish 'refused' "HKEY_LOCAL_MACHINE\$place belongs to another measure of this number" }
$keep.SetValue('measure', $measure)
$keep.DeleteValue('undone', $false)
