# Every profile by its SID, logged on or not.
$homes = @{}
$list = 'HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList'
try {
    foreach ($account in @(Get-ChildItem -LiteralPath "Registry::$list" -ErrorAction Stop)) {
        $settings = Get-ItemProperty -LiteralPath "Registry::$list\$($account.PSChildName)"
        # A profile on another machine is left alone.
        if ("$($settings.ProfileImagePath)" -match '^[a-z]:\\') { $homes["$($account.PSChildName)"] = "$($settings.ProfileImagePath)" }
    }
} catch { Problem 'ProfileList' $_ }
# A file or nothing; that it is closed is said.
function Found($path) {
    try { Get-Item -LiteralPath $path -Force -ErrorAction Stop } catch {
        if ("$($_.CategoryInfo.Category)" -ne 'ObjectNotFound') { $closed[$path] = "$_" }
    }
}
$closed = @{}
