foreach ($namespace in 'root/subscription', 'root/default', 'root/cimv2') {
    try {
        foreach ($one in @(Get-CimInstance -Namespace $namespace -ClassName __EventFilter -ErrorAction Stop)) {
            Row @{ k = 'filter'; namespace = $namespace; name = "$($one.Name)"; query = "$($one.Query)"; creator = (@($one.CreatorSID) -join ' ') }
        }
    } catch { Problem "$namespace __EventFilter" $_ }
    try {
        foreach ($one in @(Get-CimInstance -Namespace $namespace -ClassName __EventConsumer -ErrorAction Stop)) {
            Row @{ k = 'consumer'; namespace = $namespace; class = "$($one.CimSystemProperties.ClassName)"; name = "$($one.Name)"; program = "$($one.ExecutablePath)"; line = "$($one.CommandLineTemplate)"; script = "$($one.ScriptText)"; file = "$($one.ScriptFileName)$($one.Filename)"; creator = (@($one.CreatorSID) -join ' ') }
        }
    } catch { Problem "$namespace __EventConsumer" $_ }
    try {
        foreach ($one in @(Get-CimInstance -Namespace $namespace -ClassName __FilterToConsumerBinding -ErrorAction Stop)) {
            Row @{ k = 'binding'; namespace = $namespace; name = "$($one.Filter.Name)"; class = "$($one.Consumer.CimSystemProperties.ClassName)"; consumer = "$($one.Consumer.Name)"; creator = (@($one.CreatorSID) -join ' ') }
        }
    } catch { Problem "$namespace __FilterToConsumerBinding" $_ }
}
