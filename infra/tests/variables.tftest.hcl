# What the module refuses.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  package_dir = "tests/packages"
}

run "defaults_are_a_deployment" {
  command = plan
}

run "a_prefix_of_systems_manager" {
  command = plan
  variables {
    name_prefix = "amazon-hunt"
  }
  expect_failures = [var.name_prefix]
}

run "a_prefix_too_long_for_bucket_names" {
  command = plan
  variables {
    name_prefix = "peerhound-in-the-cellar"
  }
  expect_failures = [var.name_prefix]
}

run "a_prefix_that_buckets_refuse" {
  command = plan
  variables {
    name_prefix = "Peerhound"
  }
  expect_failures = [var.name_prefix]
}

run "an_unknown_architecture" {
  command = plan
  variables {
    architecture = "aarch64"
  }
  expect_failures = [var.architecture]
}

run "a_function_longer_than_lambda_allows" {
  command = plan
  variables {
    functions = { progress = { timeout = 901 } }
  }
  expect_failures = [var.functions]
}

run "a_large_batch_without_a_window" {
  command = plan
  variables {
    functions = { intake = { batch_size = 11, window = 0 } }
  }
  expect_failures = [var.functions]
}

run "a_concurrency_that_mappings_refuse" {
  command = plan
  variables {
    functions = { act = { concurrency = 1 } }
  }
  expect_failures = [var.functions]
}

run "an_environment_that_overrides_the_module" {
  command = plan
  variables {
    function_environment = { PEERHOUND_CASES_TABLE = "other" }
  }
  expect_failures = [var.function_environment]
}

run "anybody_as_a_writer_of_alerts" {
  command = plan
  variables {
    alert_writers = ["*"]
  }
  expect_failures = [var.alert_writers]
}

run "all_roles_as_writers_of_alerts" {
  command = plan
  variables {
    alert_writers = ["arn:aws:iam::111122223333:role/*"]
  }
  expect_failures = [var.alert_writers]
}

run "a_topic_that_is_a_queue" {
  command = plan
  variables {
    alert_topics = ["arn:aws:sqs:eu-central-1:111122223333:alerts"]
  }
  expect_failures = [var.alert_topics]
}

run "a_relay_name_that_no_policy_has" {
  command = plan
  variables {
    relays = { "Berlin 1" = {} }
  }
  expect_failures = [var.relays]
}

run "a_relay_on_an_unknown_platform" {
  command = plan
  variables {
    relays = { berlin = { platform = "macos" } }
  }
  expect_failures = [var.relays]
}

run "an_activation_that_ends_at_no_time" {
  command = plan
  variables {
    relays = { berlin = { expiration = "tomorrow" } }
  }
  expect_failures = [var.relays]
}

run "evidence_that_expires_before_its_retention" {
  command = plan
  variables {
    retention_days       = 365
    evidence_expiry_days = 364
  }
  expect_failures = [var.evidence_expiry_days]
}

run "an_unknown_retention_mode" {
  command = plan
  variables {
    retention_mode = "NONE"
  }
  expect_failures = [var.retention_mode]
}

run "an_sts_without_tls" {
  command = plan
  variables {
    sts_endpoint = "http://sts.example"
  }
  expect_failures = [var.sts_endpoint]
}

run "a_mail_identity_that_is_none" {
  command = plan
  variables {
    mail = { identity = "*" }
  }
  expect_failures = [var.mail]
}

run "any_bus_for_findings" {
  command = plan
  variables {
    findings_event_bus_arn = "arn:aws:events:eu-central-1:111122223333:event-bus/*"
  }
  expect_failures = [var.findings_event_bus_arn]
}

run "any_secret_for_tickets" {
  command = plan
  variables {
    ticket_secret = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:*" }
    page_secret   = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:*" }
    chat_secret   = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:*" }
  }
  expect_failures = [var.ticket_secret, var.page_secret, var.chat_secret]
}

run "a_period_that_cloudwatch_logs_refuses" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "a_log_level_that_drops_metrics" {
  command = plan
  variables {
    log_level = "WARN"
  }
  expect_failures = [var.log_level]
}

run "packages_that_were_not_built" {
  command = plan
  variables {
    package_dir = "tests/no-packages"
  }
  expect_failures = [aws_lambda_function.this]
}
