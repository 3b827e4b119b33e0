locals {
  has_door = var.door != null

  # `queue` is the one that the function reads.
  functions = merge(local.door_function, {
    intake = merge(var.functions.intake, {
      queue       = "alerts"
      description = "Takes alerts from the queue, claims what they are about and sends orders to relays."
    })
    progress = merge(var.functions.progress, {
      queue       = "reports"
      description = "Goes on with a case when a relay reports: assesses what was collected and seals it as evidence. Takes what people decide."
    })
    act = merge(var.functions.act, {
      queue       = "actions"
      description = "Performs the actions that a verdict calls for: tickets and mail."
    })
    sweep = merge(var.functions.sweep, {
      queue       = null
      description = "Every minute continues what is past its deadline and asks after commands that sent no word."
    })
  })
  door_function = !local.has_door ? {} : {
    ingest = merge(var.functions.ingest, {
      queue       = null
      description = "Takes alerts over HTTPS from whoever has a key, and puts them on the queue. Shows approvers what waits."
    })
  }
  readers = { for name, function in local.functions : name => function if function.queue != null }

  packages = { for name in keys(local.functions) : name => "${var.package_dir}/${name}.zip" }

  # The same for every function; what a function may do with these is decided by its role.
  environment = merge(
    {
      PEERHOUND_CASES_TABLE          = aws_dynamodb_table.cases.name
      PEERHOUND_COOLDOWNS_TABLE      = aws_dynamodb_table.cooldowns.name
      PEERHOUND_STAGING_BUCKET       = aws_s3_bucket.staging.id
      PEERHOUND_EVIDENCE_BUCKET      = aws_s3_bucket.evidence.id
      PEERHOUND_EVIDENCE_KMS_KEY     = aws_kms_key.evidence.arn
      PEERHOUND_ALERTS_QUEUE_URL     = aws_sqs_queue.this["alerts"].url
      PEERHOUND_ALERTS_DLQ_URL       = aws_sqs_queue.dead["alerts"].url
      PEERHOUND_REPORTS_QUEUE_URL    = aws_sqs_queue.this["reports"].url
      PEERHOUND_REPORTS_DLQ_URL      = aws_sqs_queue.dead["reports"].url
      PEERHOUND_ACTIONS_QUEUE_URL    = aws_sqs_queue.this["actions"].url
      PEERHOUND_ACTIONS_DLQ_URL      = aws_sqs_queue.dead["actions"].url
      PEERHOUND_DECISIONS_QUEUE_URL  = aws_sqs_queue.this["decisions"].url
      PEERHOUND_DECISIONS_DLQ_URL    = aws_sqs_queue.dead["decisions"].url
      PEERHOUND_APPROVAL_KEY         = aws_kms_key.approvals.arn
      PEERHOUND_SSM_DOCUMENT_LINUX   = aws_ssm_document.orders["linux"].name
      PEERHOUND_SSM_DOCUMENT_WINDOWS = aws_ssm_document.orders["windows"].name
      PEERHOUND_METRICS_NAMESPACE    = var.metrics_namespace
    },
    var.sts_endpoint == null ? {} : { PEERHOUND_STS_ENDPOINT = var.sts_endpoint },
    var.door == null ? {} : { PEERHOUND_DOOR_SECRET = var.door.secret_arn },
    !local.has_approve ? {} : {
      PEERHOUND_LINK_SECRET  = var.door.approve.link_secret_arn
      PEERHOUND_CODES_SECRET = var.door.approve.codes_secret_arn
      PEERHOUND_APPROVE_URL  = aws_apigatewayv2_api.door[0].api_endpoint
    },
    var.ticket_secret == null ? {} : { PEERHOUND_TICKET_SECRET = var.ticket_secret.arn },
    var.page_secret == null ? {} : { PEERHOUND_PAGE_SECRET = var.page_secret.arn },
    var.chat_secret == null ? {} : { PEERHOUND_CHAT_SECRET = var.chat_secret.arn },
    var.mail == null ? {} : {
      PEERHOUND_MAIL_CONFIGURATION_SET = aws_sesv2_configuration_set.this[0].configuration_set_name
    },
    var.function_environment,
  )
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${var.name_prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.records.arn
  tags              = local.tags
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  #checkov:skip=CKV_AWS_116:Messages that fail go to their queue's dead-letter queue; a failed sweep is made good by the next one
  #checkov:skip=CKV_AWS_117:The functions talk to AWS services and the ticket system only; a VPC would add what to run and no boundary
  #checkov:skip=CKV_AWS_173:The variables hold names, no secrets; AWS encrypts them with a key of its own
  #checkov:skip=CKV_AWS_272:The packages are built from source by whoever deploys; a signing profile would be theirs
  function_name    = "${var.name_prefix}-${each.key}"
  description      = each.value.description
  role             = aws_iam_role.function[each.key].arn
  filename         = local.packages[each.key]
  source_code_hash = fileexists(local.packages[each.key]) ? filebase64sha256(local.packages[each.key]) : null
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = each.value.memory
  timeout          = each.value.timeout

  reserved_concurrent_executions = each.value.reserved == null ? -1 : each.value.reserved

  environment {
    # How long nobody else may work on what this function has in hand.
    variables = merge(local.environment, { PEERHOUND_TIMEOUT_SECONDS = tostring(each.value.timeout) })
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
    log_group             = aws_cloudwatch_log_group.function[each.key].name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  tags = local.tags

  lifecycle {
    precondition {
      condition     = fileexists(local.packages[each.key])
      error_message = "${local.packages[each.key]} is missing: run scripts/package first, and point package_dir to its output."
    }
  }

  # Lambda asks at creation whether the role may read the queue, and a function must not run without its rights.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.readers

  function_name    = aws_lambda_function.this[each.key].arn
  event_source_arn = aws_sqs_queue.this[each.value.queue].arn

  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.window
  # Without it, what a function says about single messages is ignored, and those it could not handle are lost.
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = each.value.concurrency
  }
}
