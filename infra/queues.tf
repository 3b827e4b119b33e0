locals {
  # Each queue and the function that reads it.
  queues = {
    alerts  = { reader = "intake", receives = 5 }
    reports = { reader = "progress", receives = 5 }
    actions = { reader = "act", receives = 5 }
    # What people say. The same function as for reports, by a mapping of its own: see decisions.tf.
    decisions = { reader = "progress", receives = 5 }
  }
  # The functions know it: what they set aside has to fit, with its reason.
  largest_message = 256 * 1024
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name = "${var.name_prefix}-${each.key}"
  # A message must not come back while the function that has it still runs or is retried by its mapping.
  visibility_timeout_seconds = 6 * local.functions[each.value.reader].timeout + local.functions[each.value.reader].window
  message_retention_seconds  = 14 * 24 * 3600
  receive_wait_time_seconds  = 20
  max_message_size           = local.largest_message
  # Keys of SQS itself: writers of alerts in other accounts then need no right to a key of this one.
  sqs_managed_sse_enabled = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = each.value.receives
  })

  tags = local.tags
}

resource "aws_sqs_queue" "dead" {
  for_each = local.queues

  name                      = "${var.name_prefix}-${each.key}-dlq"
  message_retention_seconds = 14 * 24 * 3600
  receive_wait_time_seconds = 20
  max_message_size          = local.largest_message
  sqs_managed_sse_enabled   = true

  tags = local.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

locals {
  # Who may send to a queue, besides principals of this account whose own policies allow it.
  queue_writers = {
    alerts = concat(
      length(var.alert_writers) == 0 ? [] : [{
        Sid       = "Writers"
        Effect    = "Allow"
        Principal = { AWS = sort(var.alert_writers) }
        # GetQueueUrl: clients are usually given the queue's name.
        Action   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
        Resource = aws_sqs_queue.this["alerts"].arn
      }],
      length(var.alert_topics) == 0 ? [] : [{
        Sid       = "Topics"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = ["sqs:SendMessage"]
        Resource  = aws_sqs_queue.this["alerts"].arn
        Condition = { ArnEquals = { "aws:SourceArn" = sort(var.alert_topics) } }
      }],
    )
    reports = concat([
      {
        Sid       = "Staging"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = ["sqs:SendMessage"]
        Resource  = aws_sqs_queue.this["reports"].arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = aws_s3_bucket.staging.arn }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      {
        Sid       = "CommandStatus"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["sqs:SendMessage"]
        Resource  = aws_sqs_queue.this["reports"].arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.command_status.arn } }
      },
      ], var.mail == null ? [] : [{
        Sid       = "MailReturned"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["sqs:SendMessage"]
        Resource  = aws_sqs_queue.this["reports"].arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.mail_returned[0].arn } }
    }])
    actions   = []
    decisions = []
  }
  tls_only = {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = aws_sqs_queue.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.tls_only, { Action = "sqs:*", Resource = aws_sqs_queue.this[each.key].arn })],
      [for statement in local.queue_writers[each.key] : statement],
    )
  })
}

resource "aws_sqs_queue_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.tls_only, { Action = "sqs:*", Resource = aws_sqs_queue.dead[each.key].arn })]
  })
}
