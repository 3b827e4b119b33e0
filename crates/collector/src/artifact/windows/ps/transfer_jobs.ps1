try {
    foreach ($job in @(Get-BitsTransfer -AllUsers -ErrorAction Stop)) {
        $row = @{ k = 'job'; id = "$($job.JobId)"; name = "$($job.DisplayName)"; owner = "$($job.OwnerAccount)"; state = "$($job.JobState)"; command = (@($job.NotifyCmdLine) -join ' '); at = (When $job.CreationTime) }
        $files = @($job.FileList | Select-Object -First 100)
        if ($files.Count -eq 0) { Row $row }
        foreach ($file in $files) {
            $row['url'] = "$($file.RemoteName)"
            $row['path'] = "$($file.LocalName)"
            Row $row
        }
    }
} catch { Problem 'Get-BitsTransfer' $_ }
# A job that is done is gone, and the log keeps that it began.
try {
    $found = @(Get-WinEvent -LogName 'Microsoft-Windows-Bits-Client/Operational' -FilterXPath '*[System[(EventID=59)]]' -MaxEvents 2000 -ErrorAction Stop)
    if ($full) {
        foreach ($entry in $found) { Row @{ k = 'event'; xml = "$($entry.ToXml())" } }
    } else { Problem 'the log of transfers' 'PowerShell is locked down' }
} catch { if ("$($_.FullyQualifiedErrorId)" -notlike 'NoMatchingEventsFound*') { Problem 'the log of transfers' $_ } }
