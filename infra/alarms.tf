locals {
  # All alarms about one thing, by name. Metrics of functions and queues come from AWS, the others from the functions.
  alarms = merge(
    { for name in keys(local.queues) : "${name}-dlq-not-empty" => {
      description = "Messages in ${var.name_prefix}-${name}-dlq: they could not be handled. See them with `peerhound redrive`."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead[name].name }
      statistic   = "Maximum"
      threshold   = 0
      period      = 300
      periods     = 1
      missing     = "notBreaching"
    } },
    { for name, queue in local.queues : "${name}-waiting" => {
      description = "A message waits too long in ${var.name_prefix}-${name}: ${var.name_prefix}-${queue.reader} fails, is throttled, or has too little concurrency."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.this[name].name }
      statistic   = "Maximum"
      # A message that is tried a second time is as old as the first try's visibility time-out; that is no trouble yet.
      threshold = var.oldest_message_seconds + aws_sqs_queue.this[name].visibility_timeout_seconds
      period    = 300
      periods   = 1
      missing   = "notBreaching"
    } },
    { for name in keys(local.functions) : "${name}-errors" => {
      description = "${var.name_prefix}-${name} failed as a whole in several of the last minutes. See its log."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.this[name].function_name }
      statistic   = "Sum"
      threshold   = 0
      period      = 60
      periods     = 3
      missing     = "notBreaching"
    } },
    { for name in keys(local.functions) : "${name}-throttled" => {
      description = "${var.name_prefix}-${name} was throttled: the account's or the function's concurrency is used up."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.this[name].function_name }
      statistic   = "Sum"
      threshold   = 0
      period      = 60
      periods     = 3
      missing     = "notBreaching"
    } },
    { for name in ["intake", "progress", "sweep"] : "${name}-unsealed-approval" => {
      description = "${var.name_prefix}-${name} found an approval that this deployment did not seal: somebody wrote it, or changed a case, who must not. Nothing was done on it. See the case's history, and CloudTrail for who wrote to the table."
      namespace   = var.metrics_namespace
      metric      = "ApprovalsUnsealed"
      dimensions  = { Function = name }
      statistic   = "Sum"
      threshold   = 0
      period      = 60
      periods     = 1
      missing     = "notBreaching"
    } },
    {
      sweep-overdue = {
        description = "No sweep ended well for five minutes: nothing that is overdue is continued."
        namespace   = var.metrics_namespace
        metric      = "SweepRuns"
        dimensions  = { Function = "sweep" }
        statistic   = "Sum"
        comparison  = "LessThanThreshold"
        threshold   = 1
        period      = 300
        periods     = 1
        missing     = "breaching"
      }
      relay-offline = {
        description = "A relay of the policy has no node that is online: see `peerhound doctor`, then the SSM agent on the machine."
        namespace   = var.metrics_namespace
        metric      = "RelaysOffline"
        dimensions  = { Function = "sweep" }
        statistic   = "Maximum"
        threshold   = 0
        period      = 60
        periods     = 5
        missing     = "missing"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = try(each.value.comparison, "GreaterThanThreshold")
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  # A paused sweep is no surprise.
  actions_enabled = each.key == "sweep-overdue" ? var.sweep_enabled : true
  alarm_actions   = var.alarm_topics
  ok_actions      = var.alarm_topics
  tags            = local.tags
}
