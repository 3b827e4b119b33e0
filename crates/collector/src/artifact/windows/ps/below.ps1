# The values of the keys right below a key.
function Below($above, $only) {
    if (-not (Test-Path -LiteralPath "Registry::$above")) { return }
    try { $keys = @(Get-ChildItem -LiteralPath "Registry::$above" -ErrorAction Stop) } catch { Problem $above $_; return }
    foreach ($key in $keys) { Values "$above\$($key.PSChildName)" $only }
}
# HKEY_CURRENT_USER would be the collector's own: every hive that is loaded is read instead.
$users = @()
try {
    foreach ($hive in @(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -ErrorAction Stop)) {
        if ($hive.PSChildName -notlike '*_Classes') { $users += "$($hive.PSChildName)" }
    }
} catch { Problem 'HKEY_USERS' $_ }
