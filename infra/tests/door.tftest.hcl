# The door for alerts over HTTPS.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  package_dir = "tests/packages"
}

run "no_door_unless_one_is_wanted" {
  command = plan

  assert {
    condition     = length(aws_apigatewayv2_api.door) == 0 && !contains(keys(aws_lambda_function.this), "ingest") && output.door_url == null
    error_message = "There is a door that nobody asked for."
  }
}

run "a_door_with_limits_and_one_secret" {
  command = apply

  variables {
    door = { secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:door-AbCdEf", rate = 7, burst = 9 }
  }

  assert {
    condition     = output.door_url == "https://abc.execute-api.eu-central-1.amazonaws.com/alerts"
    error_message = "The address of the door is wrong."
  }
  assert {
    condition     = aws_apigatewayv2_stage.door[0].default_route_settings[0].throttling_rate_limit == 7 && aws_apigatewayv2_stage.door[0].default_route_settings[0].throttling_burst_limit == 9
    error_message = "The door lets in more than it says."
  }
  assert {
    condition     = aws_lambda_permission.door[0].source_arn == "arn:aws:execute-api:eu-central-1:111122223333:abc/*/POST/alerts"
    error_message = "Another route than the door may call the function."
  }
  assert {
    condition     = aws_lambda_function.this["ingest"].environment[0].variables.PEERHOUND_DOOR_SECRET == var.door.secret_arn
    error_message = "The function does not know where its keys are."
  }
  # It may read one secret and write to two queues, log and trace, and nothing else: whoever breaks it sees no case.
  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["ingest"].policy).Statement : statement.Action
      ])) == toset([
      "secretsmanager:GetSecretValue", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents",
      "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    ])
    error_message = "The function at the door may do more than it needs."
  }
}

run "no_door_for_approvers_unless_one_is_wanted" {
  command = plan

  variables {
    door = { secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:door-AbCdEf" }
  }

  assert {
    condition     = length(aws_apigatewayv2_route.approve) == 0 && length(aws_lambda_permission.approve) == 0 && output.approve_url == null
    error_message = "Approvers have a door that nobody asked for."
  }
  assert {
    condition     = !contains(keys(aws_lambda_function.this["ingest"].environment[0].variables), "PEERHOUND_LINK_SECRET")
    error_message = "The function at the door is told of links that there are not."
  }
}

run "a_door_for_approvers" {
  command = apply

  variables {
    mail = { identity = "example.org" }
    door = {
      secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:door-AbCdEf"
      approve = {
        link_secret_arn  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:link-AbCdEf"
        codes_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:codes-AbCdEf"
      }
    }
  }

  assert {
    condition     = toset(values(aws_apigatewayv2_route.approve)[*].route_key) == toset(["GET /approve", "POST /approve"])
    error_message = "The routes for approvers are others than to look and to send the form."
  }
  assert {
    condition = toset(values(aws_lambda_permission.approve)[*].source_arn) == toset([
      "arn:aws:execute-api:eu-central-1:111122223333:abc/*/GET/approve", "arn:aws:execute-api:eu-central-1:111122223333:abc/*/POST/approve",
    ])
    error_message = "Another route than those of approvers may call the function."
  }
  assert {
    condition = toset([for settings in aws_apigatewayv2_stage.door[0].route_settings : settings.throttling_rate_limit]) == toset([5]) && length(
      aws_apigatewayv2_stage.door[0].route_settings
    ) == 2
    error_message = "Approvers' routes have no limits of their own."
  }
  # A link is a secret: nothing of it may be in the log of who knocked.
  assert {
    condition = alltrue([
      for word in ["path", "query", "Path", "Query", "body", "header"] : !strcontains(aws_apigatewayv2_stage.door[0].access_log_settings[0].format, word)
    ])
    error_message = "The log of the door has paths, queries, headers or bodies."
  }
  assert {
    condition     = output.approve_url == "https://abc.execute-api.eu-central-1.amazonaws.com/approve" && strcontains(output.deployment, "approve_url = \"https://abc.")
    error_message = "The address for approvers is wrong."
  }
  # It looks at single cases, and writes to none; the codes are none of its business.
  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["ingest"].policy).Statement : statement.Action
      ])) == toset([
      "secretsmanager:GetSecretValue", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents",
      "xray:PutTraceSegments", "xray:PutTelemetryRecords", "dynamodb:GetItem", "kms:Decrypt",
    ])
    error_message = "The function at the door may do more than it needs."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.function["ingest"].policy).Statement :
      try(statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"], null) == ["case#ph-*"] if contains(statement.Action, "dynamodb:GetItem")
    ])
    error_message = "The function at the door may read other items than cases."
  }
  # Who may read what: the codes are progress's alone, the key of the links is also whose that sends and whose that shows.
  assert {
    condition = toset([for name, policy in aws_iam_role_policy.function : name if strcontains(policy.policy, "secret:codes-AbCdEf")]) == toset([
      "progress",
      ]) && toset([for name, policy in aws_iam_role_policy.function : name if strcontains(policy.policy, "secret:link-AbCdEf")]) == toset([
      "ingest", "progress", "act",
    ])
    error_message = "The secrets of approving are read by others than need them."
  }
  assert {
    condition     = !strcontains(aws_iam_policy.operator.policy, "GetSecretValue") && strcontains(aws_iam_policy.operator.policy, "DescribeSecret")
    error_message = "Operators may read a secret, or cannot see whether it is there."
  }
}

run "approvers_without_mail" {
  command = plan

  variables {
    door = {
      secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:door-AbCdEf"
      approve = {
        link_secret_arn  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:link-AbCdEf"
        codes_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:codes-AbCdEf"
      }
    }
  }

  expect_failures = [var.door]
}

run "one_secret_for_links_and_codes" {
  command = plan

  variables {
    mail = { identity = "example.org" }
    door = {
      secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:door-AbCdEf"
      approve = {
        link_secret_arn  = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:both-AbCdEf"
        codes_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:both-AbCdEf"
      }
    }
  }

  expect_failures = [var.door]
}

run "any_secret_for_the_door" {
  command = plan

  variables {
    door = { secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:*" }
  }

  expect_failures = [var.door]
}
