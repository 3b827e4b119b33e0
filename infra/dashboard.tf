locals {
  # What the functions count themselves: by function, and verdicts by verdict.
  own = var.metrics_namespace
  verdicts = {
    compromised      = "#d62728"
    policy_violation = "#ff7f0e"
    inconclusive     = "#7f7f7f"
    false_positive   = "#2ca02c"
  }

  widgets = [
    {
      title   = "Alerts"
      stat    = "Sum"
      metrics = [for metric in ["AlertsIn", "AlertsSuppressed", "AlertsSetAside", "CasesOpened"] : [local.own, metric, "Function", "intake", { label = metric }]]
    },
    {
      title   = "Verdicts"
      stat    = "Sum"
      stacked = true
      metrics = [for verdict, colour in local.verdicts : [local.own, "Verdicts", "Verdict", verdict, { label = verdict, color = colour }]]
    },
    {
      title = "Seconds from alert to sealed evidence"
      stat  = "p50"
      metrics = [for statistic, label in { p50 = "half", p95 = "95 %", Maximum = "slowest" } :
        [local.own, "SecondsToEvidence", "Function", "progress", { label = label, stat = statistic }]
      ]
    },
    {
      title = "Open cases, and what was sealed and delivered"
      stat  = "Sum"
      metrics = [
        [local.own, "CasesOpen", "Function", "sweep", { label = "open", stat = "Maximum", yAxis = "right" }],
        [local.own, "EvidenceSealed", "Function", "progress", { label = "sealed" }],
        [local.own, "ActionsDelivered", "Function", "act", { label = "delivered" }],
      ]
    },
    {
      title = "Relays offline, and sweeps"
      stat  = "Maximum"
      metrics = [
        [local.own, "RelaysOffline", "Function", "sweep", { label = "relays offline" }],
        [local.own, "SweepRuns", "Function", "sweep", { label = "sweeps", stat = "Sum", yAxis = "right" }],
      ]
    },
    {
      title = "What people said and was not taken, and approvals without a seal"
      stat  = "Sum"
      metrics = concat(
        [[local.own, "WordsRefused", "Function", "progress", { label = "not taken" }]],
        [for name in ["intake", "progress", "sweep"] : [local.own, "ApprovalsUnsealed", "Function", name, { label = "no seal: ${name}" }]],
      )
    },
    {
      title   = "Messages waiting"
      stat    = "Maximum"
      metrics = [for name in keys(local.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name_prefix}-${name}", { label = name }]]
    },
    {
      title   = "Age of the oldest message (s)"
      stat    = "Maximum"
      metrics = [for name in keys(local.queues) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.name_prefix}-${name}", { label = name }]]
    },
    {
      title   = "Dead letters"
      stat    = "Maximum"
      metrics = [for name in keys(local.queues) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name_prefix}-${name}-dlq", { label = name }]]
    },
    {
      title = "Function errors and throttles"
      stat  = "Sum"
      metrics = concat(
        [for name in keys(local.functions) : ["AWS/Lambda", "Errors", "FunctionName", "${var.name_prefix}-${name}", { label = "${name} errors" }]],
        [for name in keys(local.functions) : ["AWS/Lambda", "Throttles", "FunctionName", "${var.name_prefix}-${name}", { label = "${name} throttles" }]],
      )
    },
    {
      title   = "Function duration (ms, 95 %)"
      stat    = "p95"
      metrics = [for name in keys(local.functions) : ["AWS/Lambda", "Duration", "FunctionName", "${var.name_prefix}-${name}", { label = name }]]
    },
    {
      title = "Tables: throttled requests"
      stat  = "Sum"
      metrics = [for pair in setproduct(["cases", "cooldowns"], ["ReadThrottleEvents", "WriteThrottleEvents"]) :
        ["AWS/DynamoDB", pair[1], "TableName", "${var.name_prefix}-${pair[0]}"]
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name_prefix
  dashboard_body = jsonencode({
    widgets = [for index, widget in local.widgets : {
      type   = "metric"
      x      = (index % 3) * 8
      y      = floor(index / 3) * 6
      width  = 8
      height = 6
      properties = {
        title   = widget.title
        region  = local.region
        view    = "timeSeries"
        stacked = try(widget.stacked, false)
        stat    = widget.stat
        period  = 300
        metrics = widget.metrics
      }
    }]
  })
}
