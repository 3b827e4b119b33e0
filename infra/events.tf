# Relays that fail, time out or are cancelled. These events are best effort: the sweep asks after what sent none.
resource "aws_cloudwatch_event_rule" "command_status" {
  name        = "${var.name_prefix}-command-status"
  description = "Commands of ${var.name_prefix} that ended on a relay."
  tags        = local.tags

  event_pattern = jsonencode({
    source        = ["aws.ssm"]
    "detail-type" = ["EC2 Command Invocation Status-change Notification"]
    detail = {
      "document-name" = [for document in local.documents : document.name]
      # Whatever ends an invocation, also what Systems Manager may add.
      status = [{ "anything-but" = ["Pending", "InProgress", "Delayed", "Cancelling"] }]
    }
  })
}

resource "aws_cloudwatch_event_target" "command_status" {
  rule = aws_cloudwatch_event_rule.command_status.name
  arn  = aws_sqs_queue.this["reports"].arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 20
  }
}

# Mails of this deployment that came back or were complained of. Others in the account may send through SES too.
resource "aws_cloudwatch_event_rule" "mail_returned" {
  count = var.mail == null ? 0 : 1

  name        = "${var.name_prefix}-mail-returned"
  description = "Mails of ${var.name_prefix} that came back or were complained of."
  tags        = local.tags

  event_pattern = jsonencode({
    source = ["aws.ses"]
    detail = {
      eventType = ["Bounce", "Complaint", "Reject"]
      mail      = { tags = { "ses:configuration-set" = [var.name_prefix] } }
    }
  })
}

resource "aws_cloudwatch_event_target" "mail_returned" {
  count = var.mail == null ? 0 : 1

  rule = aws_cloudwatch_event_rule.mail_returned[0].name
  arn  = aws_sqs_queue.this["reports"].arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name_prefix}-sweep"
  description         = "Continues every minute what is past its deadline."
  schedule_expression = "rate(1 minute)"
  state               = var.sweep_enabled ? "ENABLED" : "DISABLED"
  tags                = local.tags
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.sweep.name
  arn  = aws_lambda_function.this["sweep"].arn

  # The next one comes in a minute.
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 0
  }
}

resource "aws_lambda_permission" "sweep" {
  statement_id   = "schedule"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this["sweep"].function_name
  principal      = "events.amazonaws.com"
  source_arn     = aws_cloudwatch_event_rule.sweep.arn
  source_account = local.account
}

# A sweep that failed is not repeated: a second one a minute later does the same.
resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = aws_lambda_function.this["sweep"].function_name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
