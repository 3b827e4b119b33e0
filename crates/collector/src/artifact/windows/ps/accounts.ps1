try {
    foreach ($user in @(Get-CimInstance -ClassName Win32_UserAccount -Filter 'LocalAccount = TRUE' -ErrorAction Stop)) {
        Row @{ k = 'user'; name = "$($user.Name)"; sid = "$($user.SID)"; disabled = [bool]$user.Disabled; no_password = (-not $user.PasswordRequired) }
    }
} catch { Problem 'Win32_UserAccount' $_ }
# Windows 7 has no such cmdlet.
if (Get-Command Get-LocalUser) {
    try {
        foreach ($user in @(Get-LocalUser -ErrorAction Stop)) {
            Row @{ k = 'times'; sid = "$($user.SID)"; last_login = (When $user.LastLogon); password_set = (When $user.PasswordLastSet) }
        }
    } catch { Problem 'Get-LocalUser' $_ }
}
# By their SIDs: names of groups are in the language of the machine. One member that the domain does not know any more makes
# the cmdlet fail as a whole.
foreach ($group in 'S-1-5-32-544', 'S-1-5-32-555', 'S-1-5-32-580', 'S-1-5-32-551') {
    $listed = $false
    try {
        $members = @(Get-LocalGroupMember -SID $group -ErrorAction Stop)
        $listed = $true
        foreach ($member in $members) { Row @{ k = 'member'; group = $group; name = "$($member.Name)"; sid = "$($member.SID)" } }
    } catch { }
    if ($listed) { continue }
    try {
        foreach ($found in @(Get-CimInstance -ClassName Win32_Group -Filter "LocalAccount = TRUE AND SID = '$group'" -ErrorAction Stop)) {
            foreach ($member in @(Get-CimAssociatedInstance -InputObject $found -Association Win32_GroupUser -ErrorAction Stop)) {
                Row @{ k = 'member'; group = $group; domain = "$($member.Domain)"; name = "$($member.Name)"; sid = "$($member.SID)" }
            }
        }
    } catch { Problem "the members of $group" $_ }
}
