# What is deployed: names, sizes, and what has to fit together.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  package_dir = "tests/packages"
  name_prefix = "hunt"
}

run "names" {
  command = apply

  assert {
    condition     = toset(values(aws_sqs_queue.this)[*].name) == toset(["hunt-alerts", "hunt-reports", "hunt-actions", "hunt-decisions"]) && toset(values(aws_sqs_queue.dead)[*].name) == toset(["hunt-alerts-dlq", "hunt-reports-dlq", "hunt-actions-dlq", "hunt-decisions-dlq"])
    error_message = "Queues have other names."
  }
  assert {
    condition     = toset(values(aws_lambda_function.this)[*].function_name) == toset(["hunt-intake", "hunt-progress", "hunt-act", "hunt-sweep"])
    error_message = "Functions have other names."
  }
  assert {
    condition     = aws_s3_bucket.evidence.bucket == "hunt-evidence-111122223333-eu-central-1" && aws_s3_bucket.staging.bucket == "hunt-staging-111122223333-eu-central-1"
    error_message = "Buckets have other names."
  }
}

# Lambda refuses a mapping whose queue gives a message back while it is being handled.
run "visibility_is_six_times_the_time_out" {
  command = apply
  variables {
    functions = { progress = { timeout = 900 }, intake = { timeout = 30, window = 20 } }
  }

  assert {
    condition     = aws_sqs_queue.this["reports"].visibility_timeout_seconds >= 6 * 900 && aws_sqs_queue.this["alerts"].visibility_timeout_seconds >= 6 * 30 + 20
    error_message = "A queue's visibility time-out is too short for its function."
  }
  assert {
    condition     = aws_lambda_function.this["progress"].timeout == 900 && aws_lambda_function.this["progress"].memory_size == 256
    error_message = "One setting of a function displaced its other defaults."
  }
}

run "mappings" {
  command = apply

  assert {
    condition     = toset(keys(aws_lambda_event_source_mapping.this)) == toset(["intake", "progress", "act"])
    error_message = "A queue has no function, or the sweep has a queue."
  }
  assert {
    condition = alltrue([for mapping in aws_lambda_event_source_mapping.this :
      mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.scaling_config[0].maximum_concurrency >= 2
    ])
    error_message = "A mapping ignores partial failures, or is unbounded."
  }
}

run "tables" {
  command = apply

  assert {
    condition     = toset([for index in aws_dynamodb_table.cases.global_secondary_index : join(" ", compact([index.name, index.hash_key, index.range_key, index.projection_type]))]) == toset(["by_queue queue at INCLUDE", "by_day day at KEYS_ONLY", "by_event event_id KEYS_ONLY"])
    error_message = "The indexes of cases are others."
  }
  assert {
    condition = alltrue([for table in [aws_dynamodb_table.cases, aws_dynamodb_table.cooldowns] :
      table.ttl[0].attribute_name == "ttl" && table.ttl[0].enabled && table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled
    ])
    error_message = "A table lacks TTL, point-in-time recovery or protection."
  }
}

# An order is data: it must not be able to become part of a script.
run "documents" {
  command = apply
  variables {
    order_timeout_seconds = 90
  }

  assert {
    condition = alltrue([for document in aws_ssm_document.orders :
      !strcontains(join("\n", flatten([for step in jsondecode(document.content).mainSteps : step.inputs.runCommand])), "{{")
    ])
    error_message = "A document puts a parameter into its script."
  }
  assert {
    condition = alltrue([for document in aws_ssm_document.orders : {
      for name, parameter in jsondecode(document.content).parameters : name => [parameter.type, parameter.interpolationType, parameter.allowedPattern]
    } == { Order = ["String", "ENV_VAR", "^[A-Za-z0-9_-]+$"] }])
    error_message = "A document takes other parameters, or not by environment variable, or anything at all."
  }
  # Terraform's expressions are the agent's: Go's regexp, which knows no repeat above 1,000. A pattern that does not compile
  # there fails every command on every relay.
  assert {
    condition = alltrue(flatten([for document in aws_ssm_document.orders : [
      for parameter in jsondecode(document.content).parameters : concat(
        [for good in ["eyJ1cmwiOiJo", "-_-_Az09", join("", [for i in range(1024) : "aaaa"])] : can(regex(parameter.allowedPattern, good))],
        [for bad in ["", "eyJ1cmwiOiJo=", "{{ssm:name}}", "$(id)", "a b", "good\nbad"] : !can(regex(parameter.allowedPattern, bad))],
      )
    ]]))
    error_message = "The agent cannot compile a document's pattern, or it lets through what is not base64url."
  }
  assert {
    condition     = alltrue(flatten([for document in aws_ssm_document.orders : [for step in jsondecode(document.content).mainSteps : step.inputs.timeoutSeconds == "90"]]))
    error_message = "A document does not have the time-out asked for."
  }
  assert {
    condition = { for platform, document in aws_ssm_document.orders : platform => [
      for step in jsondecode(document.content).mainSteps : [step.action, step.precondition.StringEquals]
      ] } == {
      linux   = [["aws:runShellScript", ["platformType", "Linux"]]]
      windows = [["aws:runPowerShellScript", ["platformType", "Windows"]]]
    }
    error_message = "A document runs on another platform than its own."
  }
}

run "events" {
  command = apply

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.command_status.event_pattern) == {
      source        = ["aws.ssm"]
      "detail-type" = ["EC2 Command Invocation Status-change Notification"]
      detail = {
        "document-name" = ["hunt-orders-linux", "hunt-orders-windows"]
        status          = [{ "anything-but" = ["Pending", "InProgress", "Delayed", "Cancelling"] }]
      }
    }
    error_message = "The rule sees other commands than those of this deployment that ended."
  }
  assert {
    condition     = one(aws_s3_bucket_notification.staging.queue).filter_prefix == "staging/" && one(aws_s3_bucket_notification.staging.queue).filter_suffix == "bundle.zip"
    error_message = "Other objects than bundles are reported."
  }
  assert {
    condition     = aws_cloudwatch_event_rule.sweep.schedule_expression == "rate(1 minute)" && aws_cloudwatch_event_rule.sweep.state == "ENABLED"
    error_message = "The sweep does not run every minute."
  }
}

run "relays" {
  command = apply
  variables {
    relays = { berlin = { registration_limit = 2 }, vienna = { platform = "windows", activate = false } }
  }

  assert {
    condition     = { for name, activation in aws_ssm_activation.relay : name => [activation.registration_limit, activation.tags["PeerhoundRelay"]] } == { berlin = [2, "berlin"] }
    error_message = "An activation is missing, or one is left for a relay that has registered."
  }
}

run "alarms" {
  command = apply
  variables {
    alarm_topics  = ["arn:aws:sns:eu-central-1:111122223333:soc"]
    sweep_enabled = false
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(concat(
      [for queue in ["alerts", "reports", "actions", "decisions"] : "${queue}-dlq-not-empty"],
      [for queue in ["alerts", "reports", "actions", "decisions"] : "${queue}-waiting"],
      [for function in ["intake", "progress", "act", "sweep"] : "${function}-errors"],
      [for function in ["intake", "progress", "act", "sweep"] : "${function}-throttled"],
      [for function in ["intake", "progress", "sweep"] : "${function}-unsealed-approval"],
      ["sweep-overdue", "relay-offline"],
    ))
    error_message = "An alarm is missing."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:soc"])])
    error_message = "An alarm tells nobody."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["sweep-overdue"].treat_missing_data == "breaching" && !aws_cloudwatch_metric_alarm.this["sweep-overdue"].actions_enabled
    error_message = "A sweep that never ran raises no alarm, or one that is paused does."
  }
}

run "what_the_functions_are_told" {
  command = apply
  variables {
    function_environment = { AWS_ENDPOINT_URL = "http://127.0.0.1:4566" }
  }

  assert {
    condition = toset(keys(aws_lambda_function.this["intake"].environment[0].variables)) == toset([
      "PEERHOUND_CASES_TABLE", "PEERHOUND_COOLDOWNS_TABLE", "PEERHOUND_STAGING_BUCKET", "PEERHOUND_EVIDENCE_BUCKET",
      "PEERHOUND_EVIDENCE_KMS_KEY", "PEERHOUND_ALERTS_QUEUE_URL", "PEERHOUND_ALERTS_DLQ_URL",
      "PEERHOUND_REPORTS_QUEUE_URL", "PEERHOUND_REPORTS_DLQ_URL", "PEERHOUND_ACTIONS_QUEUE_URL",
      "PEERHOUND_ACTIONS_DLQ_URL", "PEERHOUND_DECISIONS_QUEUE_URL", "PEERHOUND_DECISIONS_DLQ_URL", "PEERHOUND_APPROVAL_KEY", "PEERHOUND_SSM_DOCUMENT_LINUX",
      "PEERHOUND_SSM_DOCUMENT_WINDOWS", "PEERHOUND_METRICS_NAMESPACE", "PEERHOUND_TIMEOUT_SECONDS", "AWS_ENDPOINT_URL",
    ])
    error_message = "The functions' environment is another one."
  }
  # Each knows its own time-out.
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.environment[0].variables["PEERHOUND_TIMEOUT_SECONDS"] == tostring(function.timeout)])
    error_message = "A function is told another time-out than it has."
  }
}

run "mails_that_came_back" {
  command = apply
  variables {
    mail = { identity = "soc@example.org" }
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.mail_returned[0].event_pattern) == {
      source = ["aws.ses"]
      detail = {
        eventType = ["Bounce", "Complaint", "Reject"]
        mail      = { tags = { "ses:configuration-set" = ["hunt"] } }
      }
    }
    error_message = "The rule sees other mails than those of this deployment that came back."
  }
  assert {
    condition = (
      toset(one(aws_sesv2_configuration_set_event_destination.returned[0].event_destination).matching_event_types) == toset(["BOUNCE", "COMPLAINT", "REJECT"]) &&
      endswith(one(one(aws_sesv2_configuration_set_event_destination.returned[0].event_destination).event_bridge_destination).event_bus_arn, ":event-bus/default")
    )
    error_message = "SES does not say which mails came back."
  }
  assert {
    condition     = aws_cloudwatch_event_target.mail_returned[0].arn == aws_sqs_queue.this["reports"].arn
    error_message = "What came back does not go to the function that notes it."
  }
  assert {
    condition = anytrue([for statement in jsondecode(aws_sqs_queue_policy.this["reports"].policy).Statement :
      contains(flatten([try(statement.Condition.ArnEquals["aws:SourceArn"], [])]), aws_cloudwatch_event_rule.mail_returned[0].arn)
    ])
    error_message = "The queue of reports does not take what came back."
  }
}

run "without_mail_nothing_comes_back" {
  command = apply

  assert {
    condition     = length(aws_cloudwatch_event_rule.mail_returned) + length(aws_sesv2_configuration_set_event_destination.returned) == 0
    error_message = "There is a rule for mails, and no mail is sent."
  }
}

run "deployment_file" {
  command = apply
  variables {
    mail = { identity = "soc@example.org" }
  }

  # Exactly the fields that the command line reads: it refuses others.
  assert {
    condition = toset([for line in split("\n", trimspace(output.deployment)) : split(" ", line)[0]]) == toset([
      "#", "region", "cases_table", "cooldowns_table", "staging_bucket", "evidence_bucket", "evidence_kms_key",
      "alerts_queue_url", "alerts_dlq_url", "reports_queue_url", "reports_dlq_url", "actions_queue_url",
      "actions_dlq_url", "decisions_queue_url", "decisions_dlq_url", "ssm_document_linux", "ssm_document_windows", "mail_configuration_set",
    ])
    error_message = "The deployment file has other fields."
  }
  assert {
    condition     = strcontains(output.deployment, "\ncases_table = \"hunt-cases\"\n") && !strcontains(output.deployment, "ticket_secret")
    error_message = "The deployment file does not say what is deployed."
  }
}
