# Servers have no such namespace.
try {
    foreach ($product in @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct -ErrorAction Stop)) {
        Row @{ k = 'product'; name = "$($product.displayName)"; value = "$($product.productState)"; program = "$($product.pathToSignedProductExe)" }
    }
} catch { if ("$($_.CategoryInfo.Category)" -notin 'ObjectNotFound', 'MetadataError') { Problem 'SecurityCenter2' $_ } }
try {
    $status = Get-MpComputerStatus -ErrorAction Stop
    foreach ($name in 'AMRunningMode', 'AMServiceEnabled', 'AntivirusEnabled', 'RealTimeProtectionEnabled', 'BehaviorMonitorEnabled', 'IoavProtectionEnabled', 'NISEnabled', 'OnAccessProtectionEnabled', 'IsTamperProtected', 'AntivirusSignatureAge') {
        Row @{ k = 'state'; name = $name; value = "$($status.PSObject.Properties[$name].Value)" }
    }
} catch { Problem 'Get-MpComputerStatus' $_ }
try {
    $settings = Get-MpPreference -ErrorAction Stop
    foreach ($name in 'DisableRealtimeMonitoring', 'DisableBehaviorMonitoring', 'DisableIOAVProtection', 'DisableScriptScanning', 'DisableBlockAtFirstSeen', 'MAPSReporting', 'SubmitSamplesConsent', 'PUAProtection') {
        Row @{ k = 'setting'; name = $name; value = "$($settings.PSObject.Properties[$name].Value)" }
    }
    foreach ($name in 'ExclusionPath', 'ExclusionProcess', 'ExclusionExtension', 'ExclusionIpAddress') {
        foreach ($value in @($settings.PSObject.Properties[$name].Value)) { if ($value) { Row @{ k = 'exclusion'; name = $name; value = "$value" } } }
    }
} catch { Problem 'Get-MpPreference' $_ }
$threats = @{}
try {
    foreach ($threat in @(Get-MpThreat -ErrorAction Stop)) { $threats["$($threat.ThreatID)"] = "$($threat.ThreatName)" }
    foreach ($found in @(Get-MpThreatDetection -ErrorAction Stop | Select-Object -First 2000)) {
        $name = $threats["$($found.ThreatID)"]
        if (-not $name) { $name = "$($found.ThreatID)" }
        Row @{ k = 'detection'; name = $name; value = (@($found.Resources) -join ' '); user = "$($found.DomainUser)"; program = "$($found.ProcessName)"; at = (When $found.InitialDetectionTime) }
    }
} catch { Problem 'Get-MpThreatDetection' $_ }
$policy = 'HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows Defender'
foreach ($key in $policy, "$policy\Real-Time Protection", "$policy\Exclusions\Paths", "$policy\Exclusions\Processes", "$policy\Exclusions\Extensions", "$policy\Exclusions\IpAddresses") { Values $key }
