try { $key = $local.OpenSubKey($sub) } catch { Finish 'refused' "the key is closed to this account: $_" }
if ($null -eq $key) { Finish 'gone' "there is no service $service any more" }
# 16 has a process of its own, 32 shares one; 256 may show itself to a user. All others are drivers, or copies for each user.
if (@(16, 32, 272, 288) -notcontains [int]$key.GetValue('Type', 0)) { Finish 'refused' 'it is a driver, or made for each user anew' }
$raw = "$($key.GetValue('ImagePath', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames))".Trim()
$runs = "$($key.GetValue('ImagePath', ''))".Trim()
# A collection by PowerShell tells it with variables filled in, and one by `reg` as it stands.
if ($raw -cne $command.Trim() -and $runs -cne $command.Trim()) { Finish 'refused' "it is not what was collected: it runs $raw now" }
$program = $runs.TrimStart('"').Replace('/', '\')
if ($program -notmatch '^[A-Za-z]:\\' -or $program -match '\\\.\.?\\') { Finish 'refused' 'what it runs is not named by a plain full path: it may be a part of the system' }
if ($program.StartsWith("$windows\", 'OrdinalIgnoreCase')) { Finish 'refused' 'it runs a program of the system' }
try {
    $now = @(Service-Now)
    if ($now.Count -ne 1) { Finish 'failed' "the system does not know of $service, its registry does: a restart is due" }
    $holder = [long]$now[0].ProcessId
    if ($holder -gt 0 -and @(Session-Line) -contains $holder) { Finish 'refused' 'this very session runs in it' }
    $start = [int]$key.GetValue('Start', -1)
    if ($start -eq 4) {
        if ($null -eq $keep.GetValue('start')) { Finish 'gone' 'somebody else has disabled it already' }
    } elseif (-not $modes.ContainsKey($start)) { Finish 'refused' "it starts with the system itself ($start)" } else {
        $keep.SetValue('start', $start)
        $keep.SetValue('delayed', [int]$key.GetValue('DelayedAutostart', 0))
        $keep.Flush()
        $said = Set-Mode $now[0] 'Disabled'
        if ($said -ne 0) { Finish 'failed' "it cannot be disabled: Win32_Service says $said (2: no right to)" }
        if ([int]$local.OpenSubKey($sub).GetValue('Start', -1) -ne 4) { Finish 'failed' 'it is not disabled after it was' }
    }
    if ("$($now[0].State)" -ne 'Stopped') {
        $said = (Invoke-CimMethod -InputObject $now[0] -MethodName StopService -ErrorAction Stop).ReturnValue
        for ($second = 0; $second -lt 45; $second++) {
            if ("$((Service-Now).State)" -eq 'Stopped') { break }
            Start-Sleep -Seconds 1
        }
        if ("$((Service-Now).State)" -ne 'Stopped') { Note "it goes on until the machine starts again: it does not stop (Win32_Service says $said; 3: others that run need it)" }
    }
} catch { Finish 'failed' "it cannot be disabled: $_" }
if ($start -eq 4) { Finish 'already' 'it was disabled by an earlier try' }
Finish 'done' "it was disabled; HKEY_LOCAL_MACHINE\$place keeps how it started"
