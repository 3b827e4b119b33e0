$hives = @('HKEY_LOCAL_MACHINE\SOFTWARE', 'HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node')
# HKEY_CURRENT_USER would be the collector's own: every hive that is loaded is read instead.
try {
    foreach ($hive in @(Get-ChildItem -LiteralPath 'Registry::HKEY_USERS' -ErrorAction Stop)) {
        if ($hive.PSChildName -notlike '*_Classes') { $hives += "HKEY_USERS\$($hive.PSChildName)\Software" }
    }
} catch { Problem 'HKEY_USERS' $_ }
