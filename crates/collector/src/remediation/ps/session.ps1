function Process-Of([long]$id) { Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $id" -ErrorAction Stop }
# The numbers of the processes that this very session runs in, innermost first.
function Session-Line {
    $above = [long]$PID
    for ($step = 0; $step -lt 16; $step++) {
        $above
        $process = Process-Of $above
        if ($null -eq $process) { break }
        $above = [long]$process.ParentProcessId
    }
}
