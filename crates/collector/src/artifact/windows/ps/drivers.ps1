try {
    foreach ($driver in @(Get-CimInstance -ClassName Win32_SystemDriver -ErrorAction Stop)) {
        $file = FileOf $driver.PathName
        Row @{ k = 'driver'; name = "$($driver.Name)"; mode = "$($driver.StartMode)"; state = "$($driver.State)"; file = "$file" }
        if ($file) { $images["$file"] = $true }
    }
} catch { Problem 'Win32_SystemDriver' $_ }
Images
