$shared = [Environment]::GetFolderPath('CommonApplicationData')
$store = "$shared\Peerhound\quarantine\$case\$n"
$item = "$store\item"
# SYSTEM and the administrators. Whoever knows a path needs no right to the folders above it, and an owner can always open
# his file again: so what is kept belongs to them as well.
$ours = 'S-1-5-18', 'S-1-5-32-544'
$closedFolder = New-Object Security.AccessControl.DirectorySecurity
$closedFolder.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)', 'Owner, Access')
$closedFile = New-Object Security.AccessControl.FileSecurity
$closedFile.SetSecurityDescriptorSddlForm('O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)', 'Owner, Access')
# Makes the folders of the quarantine; says what is wrong with what is there. Everybody may make folders in ProgramData.
function Make-Store {
    $path = $shared
    foreach ($name in 'Peerhound', 'quarantine', $case, "$n") {
        $path = "$path\$name"
        $null = [IO.Directory]::CreateDirectory($path, $closedFolder)
        if ([int][IO.File]::GetAttributes($path) -band 0x400) { return "$path leads elsewhere: somebody has prepared it" }
        $found = [IO.Directory]::GetAccessControl($path)
        if ($ours -notcontains $found.GetOwner([Security.Principal.SecurityIdentifier]).Value) { return "$path belongs to somebody who is no administrator: look at it, and remove it" }
        foreach ($entry in $found.GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])) {
            if ("$($entry.AccessControlType)" -eq 'Allow' -and $ours -notcontains $entry.IdentityReference.Value) { return "$path is open to others than administrators: close it, or remove it" }
        }
    }
}
# The first part of a path, from its end, that is a link, a mounted folder or lies in a cloud. Nothing where none is.
function Link-In($path) {
    $part = $path
    while ($part) {
        if ([int][IO.File]::GetAttributes($part) -band 0x400) { return $part }
        $part = [IO.Path]::GetDirectoryName($part)
    }
}
function Hash-Of($stream) { (Get-FileHash -InputStream $stream -Algorithm SHA256 -ErrorAction Stop).Hash.ToLowerInvariant() }
function Hash-At($path) {
    $stream = [IO.File]::Open($path, 'Open', 'Read', 'Read, Delete')
    try { Hash-Of $stream } finally { $stream.Dispose() }
}
# Names and sizes of what a file holds beside its content. Only some file systems have such a thing.
function Streams-Of($path) {
    if (([IO.DriveInfo]$path.Substring(0, 1)).DriveFormat -like '*FAT*') { return '' }
    $named = @(Get-Item -LiteralPath $path -Stream * -Force -ErrorAction Stop | Where-Object { $_.Stream -ne ':$DATA' } | ForEach-Object { "$($_.Stream)=$($_.Length)" })
    @($named | Sort-Object) -join '|'
}
function Same-Volume($path) { [IO.Path]::GetPathRoot($path) -ieq [IO.Path]::GetPathRoot($store) }
