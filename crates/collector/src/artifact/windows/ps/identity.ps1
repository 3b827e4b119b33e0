Row @{ k = 'clock'; time = (When (Get-Date)); mode = "$($ExecutionContext.SessionState.LanguageMode)"; version = "$($PSVersionTable.PSVersion)" }
$who = @(& "$env:SystemRoot\System32\whoami.exe" 2>$null)
if ($who.Count -ne 1) { $who = @("$env:USERDOMAIN\$env:USERNAME") }
Row @{ k = 'self'; user = "$($who[0])" }
try {
    foreach ($adapter in @(Get-CimInstance -ClassName Win32_NetworkAdapterConfiguration -Filter 'IPEnabled = TRUE' -ErrorAction Stop)) {
        foreach ($address in @($adapter.IPAddress)) { Row @{ k = 'address'; ip = "$address" } }
    }
} catch { Problem 'Win32_NetworkAdapterConfiguration' $_ }
try {
    # It knows addresses of interfaces that the other leaves out; Windows 7 has it not.
    if (Get-Command Get-NetIPAddress) {
        foreach ($address in @(Get-NetIPAddress -ErrorAction Stop)) { Row @{ k = 'address'; ip = "$($address.IPAddress)" } }
    }
} catch { Problem 'Get-NetIPAddress' $_ }
try {
    $computer = Get-CimInstance -ClassName Win32_ComputerSystem -ErrorAction Stop
    Row @{ k = 'computer'; host = "$($computer.DNSHostName)"; name = "$($computer.Name)"; domain = "$($computer.Domain)"; member = [bool]$computer.PartOfDomain; console = "$($computer.UserName)" }
} catch { Problem 'Win32_ComputerSystem' $_; Row @{ k = 'computer'; name = "$env:COMPUTERNAME" } }
try {
    $os = Get-CimInstance -ClassName Win32_OperatingSystem -ErrorAction Stop
    Row @{ k = 'os'; caption = "$($os.Caption)"; version = "$($os.Version)"; boot = (When $os.LastBootUpTime) }
} catch { Problem 'Win32_OperatingSystem' $_ }
# The name that Win32_ComputerSystem gives is empty for a remote desktop, and there may be several users: who has a desktop
# owns an Explorer.
try {
    foreach ($process in @(Get-CimInstance -ClassName Win32_Process -Filter "Name = 'explorer.exe'" -ErrorAction Stop)) {
        $owner = Invoke-CimMethod -InputObject $process -MethodName GetOwner
        Row @{ k = 'desktop'; user = "$($owner.User)"; domain = "$($owner.Domain)"; session = [int]$process.SessionId; since = (When $process.CreationDate) }
    }
} catch { Problem 'Win32_Process' $_ }
# Home editions have it not.
$quser = "$env:SystemRoot\System32\quser.exe"
if (Test-Path -LiteralPath $quser) {
    foreach ($line in @(& $quser 2>$null)) { Row @{ k = 'quser'; line = "$line" } }
}
