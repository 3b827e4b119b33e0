$wanted = 'DisplayName', 'DisplayVersion', 'Publisher', 'InstallLocation', 'DisplayIcon', 'InstallDate'
foreach ($hive in $hives) {
    $above = "$hive\Microsoft\Windows\CurrentVersion\Uninstall"
    if (-not (Test-Path -LiteralPath "Registry::$above")) { continue }
    try { $keys = @(Get-ChildItem -LiteralPath "Registry::$above" -ErrorAction Stop) } catch { Problem $above $_; continue }
    foreach ($key in $keys) { Values "$above\$($key.PSChildName)" $wanted }
}
