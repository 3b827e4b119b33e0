$number = [long]$number
# Nothing where it is the process that was seen, and else how it ends.
function Differs($process) {
    if ($null -eq $process) { return 'gone' }
    if (-not $process.ExecutablePath) { return 'hidden' }
    if ($process.ExecutablePath -ine $image) { return 'other' }
    if ($since) {
        $begun = [Math]::Floor((([datetime]$process.CreationDate).ToUniversalTime() - [datetime]'1970-01-01').TotalSeconds)
        if ([Math]::Abs($begun - [long]$since) -gt 1) { return 'younger' }
    }
}
try {
    if (@(Session-Line) -contains $number) { Finish 'refused' "process $number is what this very session runs in" }
    $process = Process-Of $number
} catch { Finish 'failed' "the processes cannot be asked for: $_" }
switch (Differs $process) {
    'gone' {
        if (Kept 'ended') { Finish 'already' "process $number was ended by an earlier try" }
        Finish 'gone' "there is no process $number any more"
    }
    'hidden' { Finish 'refused' "process $number does not let this account see its image" }
    'other' { Finish 'refused' "the number $number is that of another process now, of $($process.ExecutablePath)" }
    'younger' { Finish 'refused' "process $number is another one of the same image, that began at another time" }
}
$keep.SetValue('ended', 1)
try {
    $held = [Diagnostics.Process]::GetProcessById([int]$number)
    # Held by its handle: from here on the number cannot become another process's.
    $null = $held.Handle
    $again = Differs (Process-Of $number)
    if ($again) { Finish 'gone' "process $number has just ended by itself" }
    $held.Kill()
    if (-not $held.WaitForExit(10000)) { Finish 'failed' "process $number is still there" }
} catch {
    if ((Differs (Process-Of $number)) -eq 'gone') { Finish 'done' "process $number has ended" }
    $keep.DeleteValue('ended', $false)
    Finish 'failed' "process $number cannot be ended: $_"
}
Finish 'done' "process $number was ended"
