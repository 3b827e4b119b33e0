output "deployment" {
  description = "What the command line needs to know of this deployment, as TOML. Write it to a file: terraform output -raw deployment > deployment.toml"
  value       = local.deployment
}

locals {
  deployment_settings = {
    region                 = local.region
    cases_table            = aws_dynamodb_table.cases.name
    cooldowns_table        = aws_dynamodb_table.cooldowns.name
    staging_bucket         = aws_s3_bucket.staging.id
    evidence_bucket        = aws_s3_bucket.evidence.id
    evidence_kms_key       = aws_kms_key.evidence.arn
    alerts_queue_url       = aws_sqs_queue.this["alerts"].url
    alerts_dlq_url         = aws_sqs_queue.dead["alerts"].url
    reports_queue_url      = aws_sqs_queue.this["reports"].url
    reports_dlq_url        = aws_sqs_queue.dead["reports"].url
    actions_queue_url      = aws_sqs_queue.this["actions"].url
    actions_dlq_url        = aws_sqs_queue.dead["actions"].url
    decisions_queue_url    = aws_sqs_queue.this["decisions"].url
    decisions_dlq_url      = aws_sqs_queue.dead["decisions"].url
    sts_endpoint           = var.sts_endpoint
    ssm_document_linux     = aws_ssm_document.orders["linux"].name
    ssm_document_windows   = aws_ssm_document.orders["windows"].name
    ticket_secret          = try(var.ticket_secret.arn, null)
    page_secret            = try(var.page_secret.arn, null)
    chat_secret            = try(var.chat_secret.arn, null)
    link_secret            = try(var.door.approve.link_secret_arn, null)
    codes_secret           = try(var.door.approve.codes_secret_arn, null)
    approve_url            = try(local.has_approve ? aws_apigatewayv2_api.door[0].api_endpoint : null, null)
    mail_configuration_set = try(aws_sesv2_configuration_set.this[0].configuration_set_name, null)
  }

  # Strings are written in TOML as they are in JSON; what there is not is left out.
  deployment = join("\n", concat(
    ["# The deployment ${var.name_prefix}, for the command line."],
    [for name, value in local.deployment_settings : "${name} = ${jsonencode(value)}" if value != null],
    [""],
  ))
}

output "queue_urls" {
  description = "URLs of the queues alerts, reports, actions and decisions, and of their dead-letter queues, e.g. alerts_dlq. Alerts are sent to alerts."
  value = merge(
    { for name in keys(local.queues) : name => aws_sqs_queue.this[name].url },
    { for name in keys(local.queues) : "${name}_dlq" => aws_sqs_queue.dead[name].url },
  )
}

output "queue_arns" {
  description = "ARNs of the same queues."
  value = merge(
    { for name in keys(local.queues) : name => aws_sqs_queue.this[name].arn },
    { for name in keys(local.queues) : "${name}_dlq" => aws_sqs_queue.dead[name].arn },
  )
}

output "tables" {
  description = "Names of the tables cases and cooldowns."
  value = {
    cases     = aws_dynamodb_table.cases.name
    cooldowns = aws_dynamodb_table.cooldowns.name
  }
}

output "buckets" {
  description = "Names of the buckets staging and evidence."
  value       = { for name, bucket in local.buckets : name => bucket.id }
}

output "keys" {
  description = "ARNs of the keys: evidence encrypts both buckets, records the tables and logs, approvals seals approvals."
  value = {
    evidence  = aws_kms_key.evidence.arn
    records   = aws_kms_key.records.arn
    approvals = aws_kms_key.approvals.arn
  }
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in aws_lambda_function.this : name => function.function_name }
}

output "function_roles" {
  description = "ARNs of the functions' roles, for example for a bucket or key policy elsewhere."
  value       = { for name, role in aws_iam_role.function : name => role.arn }
}

output "documents" {
  description = "Names of the SSM documents by platform."
  value       = { for platform, document in aws_ssm_document.orders : platform => document.name }
}

output "activations" {
  description = "Activation id and code of each relay that may still register. Whoever has them can register a machine that is then sent orders."
  sensitive   = true
  value = {
    for name, activation in aws_ssm_activation.relay : name => {
      platform        = var.relays[name].platform
      activation_id   = activation.id
      activation_code = activation.activation_code
      region          = local.region
    }
  }
}

output "dkim_records" {
  description = "CNAME records to publish for a mail domain: name to value."
  value = try(var.mail.create, false) && !strcontains(try(var.mail.identity, "@"), "@") ? {
    for token in try(aws_sesv2_email_identity.this[0].dkim_signing_attributes[0].tokens, []) :
    "${token}._domainkey.${var.mail.identity}" => "${token}.dkim.amazonses.com"
  } : {}
}

output "alarms" {
  description = "Names of the alarms."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}

output "dashboard" {
  description = "Where the dashboard is."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "door_url" {
  description = "Where SIEMs POST alerts to, with a key of the door's secret; null without a door."
  value       = local.has_door ? "${aws_apigatewayv2_api.door[0].api_endpoint}/alerts" : null
}

output "approve_url" {
  description = "Where the links of approvers lead to, without the link; null where the door takes no approvals."
  value       = local.has_approve ? "${aws_apigatewayv2_api.door[0].api_endpoint}/approve" : null
}
