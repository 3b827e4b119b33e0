try {
    foreach ($share in @(Get-CimInstance -ClassName Win32_Share -ErrorAction Stop)) { Row @{ k = 'share'; name = "$($share.Name)"; path = "$($share.Path)" } }
} catch { Problem 'Win32_Share' $_ }
# Windows 7 has no such cmdlets.
try {
    foreach ($session in @(Get-SmbSession -ErrorAction Stop)) {
        Row @{ k = 'session'; name = "$($session.ClientComputerName)"; user = "$($session.ClientUserName)"; seconds = [long]$session.SecondsExists }
    }
} catch { Problem 'Get-SmbSession' $_ }
try {
    foreach ($connection in @(Get-SmbConnection -ErrorAction Stop)) {
        Row @{ k = 'connection'; name = "\\$($connection.ServerName)\$($connection.ShareName)"; user = "$($connection.UserName)" }
    }
} catch { Problem 'Get-SmbConnection' $_ }
