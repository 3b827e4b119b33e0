$keep = $local.OpenSubKey($place, $true)
if (@(Get-NetFirewallRule -Group $rule -ErrorAction SilentlyContinue).Count -gt 0) {
    try { Remove-NetFirewallRule -Group $rule -ErrorAction Stop } catch { Finish 'failed' "the rules cannot be removed: $_" }
    if ($null -ne $keep) { $keep.SetValue('undone', 1) }
    Finish 'done' 'the rules were taken away'
}
if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'the rules were taken away before' }
Finish 'gone' 'the rules are not there any more: somebody else took them away'
