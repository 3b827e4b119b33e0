# Servers have no such folder, or an empty one.
try {
    foreach ($file in @(Get-ChildItem -LiteralPath "$env:SystemRoot\Prefetch" -Filter '*.pf' -Force -ErrorAction Stop)) {
        Row @{ k = 'prefetch'; name = "$($file.Name)"; created = (When $file.CreationTimeUtc); modified = (When $file.LastWriteTimeUtc) }
    }
} catch { if ("$($_.CategoryInfo.Category)" -ne 'ObjectNotFound') { Problem 'Prefetch' $_ } }
