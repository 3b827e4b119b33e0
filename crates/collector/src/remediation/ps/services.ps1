$modes = @{ 2 = 'Automatic'; 3 = 'Manual' }
$sub = "SYSTEM\CurrentControlSet\Services\$service"
# By comparing names: in a query, or as a parameter, a name could be more than a name.
function Service-Now { Get-CimInstance -ClassName Win32_Service -ErrorAction Stop | Where-Object { $_.Name -eq $service } }
# The return values of Win32_Service: 0 is done, all else is not.
function Set-Mode($now, $mode) { (Invoke-CimMethod -InputObject $now -MethodName ChangeStartMode -Arguments @{ StartMode = $mode } -ErrorAction Stop).ReturnValue }
