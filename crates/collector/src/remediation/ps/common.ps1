function Finish($status, $detail) {
    Row @{ k = 'answer'; status = $status; detail = "$detail" }
    'PEERHOUND-END'
    exit 0
}
function Tell($name, $value) {
    Row @{ k = 'told'; name = $name; value = "$value" }
}
function Note($text) {
    Row @{ k = 'note'; text = "$text" }
}
if (-not $full) { Finish 'refused' 'PowerShell is locked down there (constrained language mode): nothing can be changed by it' }
$windows = [Environment]::GetFolderPath('Windows')
$local = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]::LocalMachine, [Microsoft.Win32.RegistryView]::Registry64)
$place = "SOFTWARE\Peerhound\Measures\$case\$n"
# What is kept of a measure. Only administrators may write there.
function Kept($value) {
    $key = $local.OpenSubKey($place)
    if ($null -eq $key) { return $null }
    if ($measure -and "$($key.GetValue('measure'))" -ne $measure) { return $null }
    $key.GetValue($value, $null, [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
}
# Whether what is asked for is simply not there: everything else that goes wrong is a failure.
function Is-Missing($failure) {
    $why = $failure.Exception.GetBaseException()
    ($why -is [IO.FileNotFoundException]) -or ($why -is [IO.DirectoryNotFoundException]) -or ("$($failure.CategoryInfo.Category)" -eq 'ObjectNotFound')
}
