$provider = 'PSPath', 'PSParentPath', 'PSChildName', 'PSDrive', 'PSProvider'
function Values($key) {
    if (-not (Test-Path -LiteralPath "Registry::$key")) { return }
    try { $item = Get-ItemProperty -LiteralPath "Registry::$key" -ErrorAction Stop } catch { Problem $key $_; return }
    if ($null -eq $item) { return }
    foreach ($value in @($item.PSObject.Properties)) {
        if ($provider -contains $value.Name) { continue }
        Row @{ k = 'value'; key = $key; name = $value.Name; data = (@($value.Value) -join "`n") }
    }
}
