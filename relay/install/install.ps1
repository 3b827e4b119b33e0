<#
.SYNOPSIS
Installs the Peerhound relay on Windows: one program and one folder of configuration.

.DESCRIPTION
There is no service: Systems Manager's agent starts the program for each batch of orders, as the local system account.
Running the script again updates the program and leaves the configuration as it is. Only the system and administrators
can read the configuration, its keys and the staging folder.

.PARAMETER Binary
The program. By default peerhound-relay.exe beside this script.

.PARAMETER Name
The relay's name in a new configuration, as the policy's [[relay]] has it.

.PARAMETER Network
Networks that the relay serves, in a new configuration.

.PARAMETER Uninstall
Removes the program; the configuration and its keys stay.

.PARAMETER Purge
With -Uninstall: removes the configuration, its keys and the staging folder as well.

.EXAMPLE
.\install.ps1 -Name site-1 -Network 10.20.0.0/16, 10.21.0.0/16
#>
[CmdletBinding()]
param(
    [string] $Binary = (Join-Path $PSScriptRoot 'peerhound-relay.exe'),
    [ValidatePattern('^[a-z0-9-]{1,32}$')] [string] $Name = 'site-1',
    [ValidatePattern('^[0-9a-fA-F.:/]+$')] [string[]] $Network = @(),
    [switch] $Uninstall,
    [switch] $Purge
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$programs = Join-Path $env:ProgramFiles 'Peerhound'
$program = Join-Path $programs 'peerhound-relay.exe'
$data = Join-Path $env:ProgramData 'Peerhound'
$config = Join-Path $data 'relay.toml'
$knownHosts = Join-Path $data 'known_hosts'
$keys = Join-Path $data 'keys'
$staging = Join-Path $data 'staging'

$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$principal = New-Object Security.Principal.WindowsPrincipal $identity
if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'must be run as an administrator'
}

# Only the system and administrators, by their SIDs: their names are translated.
function Protect-Folder([string] $Path) {
    & icacls.exe $Path /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "cannot set the access list of $Path" }
}

if ($Uninstall) {
    Remove-Item -LiteralPath $program -Force -ErrorAction SilentlyContinue
    if ((Test-Path -LiteralPath $programs) -and -not (Get-ChildItem -LiteralPath $programs -Force)) {
        Remove-Item -LiteralPath $programs
    }
    if ($Purge) {
        foreach ($path in $config, $knownHosts, $keys, $staging) {
            if (Test-Path -LiteralPath $path) { Remove-Item -LiteralPath $path -Recurse -Force }
        }
        Write-Output 'removed the relay, its configuration and its keys'
    } else {
        Write-Output "removed the relay; its configuration stays in $data"
    }
    exit 0
}
if ($Purge) { throw '-Purge goes with -Uninstall' }
if (-not (Test-Path -LiteralPath $Binary -PathType Leaf)) { throw "no program at ${Binary}: name it with -Binary" }

New-Item -ItemType Directory -Path $programs -Force | Out-Null
# A program that is running cannot be overwritten, but it can be renamed: a run that is under way goes on with it.
$old = "$program.old"
Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue
if (Test-Path -LiteralPath $program) { Move-Item -LiteralPath $program -Destination $old -Force }
Copy-Item -LiteralPath $Binary -Destination $program
Remove-Item -LiteralPath $old -Force -ErrorAction SilentlyContinue

New-Item -ItemType Directory -Path $data -Force | Out-Null
# The folder first: what is made in it from now on is closed from its first moment.
Protect-Folder $data
New-Item -ItemType Directory -Path $keys -Force | Out-Null
New-Item -ItemType Directory -Path $staging -Force | Out-Null
if (Test-Path -LiteralPath $config) {
    Write-Output "kept $config as it is"
} else {
    $networks = ($Network | ForEach-Object { '"' + $_ + '"' }) -join ', '
    # Single quotes: in TOML, a backslash in them is a backslash.
    $text = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'relay.toml.example') | ForEach-Object {
        if ($_.StartsWith('# staging_dir = ')) { "staging_dir = '$staging'" }
        elseif ($_.StartsWith('name = ')) { "name = `"$Name`"" }
        elseif ($_.StartsWith('networks = ')) { "networks = [$networks]" }
        else { $_ }
    }
    # Without a byte order mark, which Windows PowerShell's own cmdlets would write.
    [IO.File]::WriteAllLines($config, [string[]] $text, (New-Object Text.UTF8Encoding $false))
    Write-Output "wrote $config"
}
if (-not (Test-Path -LiteralPath $knownHosts)) { New-Item -ItemType File -Path $knownHosts | Out-Null }

Write-Output "installed $program"
Write-Output "next: put the SSH key into $keys and name it in relay.toml, the endpoints' host keys into $knownHosts,"
Write-Output "      then run: & '$program' check"
Write-Output "note: the agent runs 5 commands at a time, and a few slow machines hold up all others: raise CommandWorkersLimit"
Write-Output "      in $env:ProgramFiles\Amazon\SSM\amazon-ssm-agent.json, and restart the service AmazonSSMAgent"
