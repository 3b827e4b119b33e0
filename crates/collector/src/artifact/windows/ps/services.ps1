$above = 'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services'
try {
    foreach ($service in @(Get-CimInstance -ClassName Win32_Service -ErrorAction Stop)) {
        # What runs inside a host is a library.
        $library = $null
        foreach ($key in "$above\$($service.Name)\Parameters", "$above\$($service.Name)") {
            if (-not $library -and (Test-Path -LiteralPath "Registry::$key")) { $library = (Get-ItemProperty -LiteralPath "Registry::$key").ServiceDll }
        }
        $file = if ($library) { FileOf $library } else { FileOf $service.PathName }
        Row @{ k = 'service'; name = "$($service.Name)"; command = "$($service.PathName)"; library = "$library"; mode = "$($service.StartMode)"; state = "$($service.State)"; account = "$($service.StartName)"; file = "$file" }
        if ($file) { $images["$file"] = $true }
    }
} catch { Problem 'Win32_Service' $_ }
Images
