$provider = 'PSPath', 'PSParentPath', 'PSChildName', 'PSDrive', 'PSProvider'
# The values of a key; of these names alone, where names are given.
function Values($key, $only) {
    if (-not (Test-Path -LiteralPath "Registry::$key")) { return }
    try { $item = Get-ItemProperty -LiteralPath "Registry::$key" -ErrorAction Stop } catch { Problem $key $_; return }
    if ($null -eq $item) { return }
    foreach ($value in @($item.PSObject.Properties)) {
        if ($provider -contains $value.Name) { continue }
        if ($only -and $only -notcontains $value.Name) { continue }
        Row @{ k = 'value'; key = $key; name = $value.Name; data = (@($value.Value) -join "`n") }
    }
}
