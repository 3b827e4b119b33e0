$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$ErrorActionPreference = 'SilentlyContinue'
# Where policy locks PowerShell down, only core types have methods that may be called.
$full = "$($ExecutionContext.SessionState.LanguageMode)" -eq 'FullLanguage'
# One row a line, in ASCII whatever the code page is.
function Row($row) {
    $json = ConvertTo-Json -InputObject $row -Compress -Depth 3
    if ($json -cmatch '[^ -~]') {
        $json = -join ($json.ToCharArray() | ForEach-Object { if ([int]$_ -lt 32 -or [int]$_ -gt 126) { '\u{0:x4}' -f [int]$_ } else { $_ } })
    }
    $json
}
function When($time) {
    if ($null -ne $time) { ([datetime]$time).ToUniversalTime().ToString('o') }
}
function Problem($what, $failure) {
    Row @{ k = 'problem'; what = "$what"; why = "$failure" }
}
'PEERHOUND-1'
