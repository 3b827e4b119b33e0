$keep = $local.OpenSubKey($place, $true)
try { $had = @(Rules-Of 'PersistentStore').Count -gt 0 } catch { Finish 'failed' "the firewall cannot be asked: $_" }
if ($had) {
    try { Remove-NetFirewallRule -Group $rule -ErrorAction Stop } catch { Finish 'failed' "the rules cannot be removed: $_" }
    if ($null -ne $keep) { $keep.SetValue('undone', 1) }
    Finish 'done' 'the rules were taken away'
}
if ($null -ne $keep -and $null -ne $keep.GetValue('undone')) { Finish 'already' 'the rules were taken away before' }
Finish 'gone' 'the rules are not there any more: somebody else took them away'
