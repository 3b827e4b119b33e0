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

run "any_secret_for_the_door" {
  command = plan

  variables {
    door = { secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:*" }
  }

  expect_failures = [var.door]
}
