# Who may do what. Names of resources are given here, since the mocked provider makes none up that can be compared.

mock_provider "aws" {
  source = "./tests/mocks"
}

override_resource {
  target = aws_sqs_queue.this["alerts"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-alerts", id = "https://sqs/alerts", url = "https://sqs/alerts" }
}
override_resource {
  target = aws_sqs_queue.this["reports"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-reports", id = "https://sqs/reports", url = "https://sqs/reports" }
}
override_resource {
  target = aws_sqs_queue.this["actions"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-actions", id = "https://sqs/actions", url = "https://sqs/actions" }
}
override_resource {
  target = aws_sqs_queue.dead["alerts"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-alerts-dlq", id = "https://sqs/alerts-dlq", url = "https://sqs/alerts-dlq" }
}
override_resource {
  target = aws_sqs_queue.dead["reports"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-reports-dlq", id = "https://sqs/reports-dlq", url = "https://sqs/reports-dlq" }
}
override_resource {
  target = aws_sqs_queue.dead["actions"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-actions-dlq", id = "https://sqs/actions-dlq", url = "https://sqs/actions-dlq" }
}
override_resource {
  target = aws_sqs_queue.this["decisions"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-decisions", id = "https://sqs/decisions", url = "https://sqs/decisions" }
}
override_resource {
  target = aws_sqs_queue.dead["decisions"]
  values = { arn = "arn:aws:sqs:eu-central-1:111122223333:peerhound-decisions-dlq", id = "https://sqs/decisions-dlq", url = "https://sqs/decisions-dlq" }
}
override_resource {
  target = aws_s3_bucket.staging
  values = { arn = "arn:aws:s3:::staging", id = "staging" }
}
override_resource {
  target = aws_s3_bucket.evidence
  values = { arn = "arn:aws:s3:::evidence", id = "evidence" }
}
override_resource {
  target = aws_dynamodb_table.cases
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/cases" }
}
override_resource {
  target = aws_dynamodb_table.cooldowns
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/cooldowns" }
}
override_resource {
  target = aws_kms_key.evidence
  values = { arn = "arn:aws:kms:eu-central-1:111122223333:key/evidence" }
}
override_resource {
  target = aws_kms_key.records
  values = { arn = "arn:aws:kms:eu-central-1:111122223333:key/records" }
}
override_resource {
  target = aws_kms_key.approvals
  values = { arn = "arn:aws:kms:eu-central-1:111122223333:key/approvals" }
}
override_resource {
  target = aws_iam_role.function["progress"]
  values = { arn = "arn:aws:iam::111122223333:role/peerhound-progress" }
}
override_resource {
  target = aws_cloudwatch_event_rule.command_status
  values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/peerhound-command-status" }
}
override_resource {
  target = aws_cloudwatch_event_rule.mail_returned
  values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/peerhound-mail-returned" }
}
override_resource {
  target = aws_cloudwatch_event_rule.sweep
  values = { arn = "arn:aws:events:eu-central-1:111122223333:rule/peerhound-sweep" }
}

variables {
  package_dir   = "tests/packages"
  relays        = { berlin = {}, vienna = { platform = "windows", activate = false } }
  mail          = { identity = "example.org" }
  ticket_secret = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ticket-AbCdEf" }
  page_secret   = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:page-AbCdEf" }
  chat_secret   = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:chat-AbCdEf" }

  action_secrets = {
    soar-hook = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:soar-GhIjKl", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/soar" }
  }

  findings_event_bus_arn = "arn:aws:events:eu-central-1:111122223333:event-bus/soc"
}

run "roles" {
  command = apply

  # Every action that a role has, spelled out: no wildcard hides one.
  assert {
    condition = alltrue(flatten([for policy in aws_iam_role_policy.function : [
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]]))
    error_message = "A function's role has a wildcard among its actions."
  }

  # The actions for which the service knows no resource, and no others.
  assert {
    condition = toset(flatten([for policy in aws_iam_role_policy.function : [
      for statement in jsondecode(policy.policy).Statement : statement.Action if contains(statement.Resource, "*")
      ]])) == toset([
      "ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:CancelCommand",
      "xray:PutTraceSegments", "xray:PutTelemetryRecords",
    ])
    error_message = "A function's role has an action on all resources that could name one."
  }

  assert {
    condition = alltrue(flatten([for policy in aws_iam_role_policy.function : [
      for statement in jsondecode(policy.policy).Statement : [
        for action in statement.Action : !startswith(action, "s3:Delete") && !startswith(action, "s3:Bypass") && !startswith(action, "dynamodb:Scan") && !startswith(action, "iam:")
      ]
    ]]))
    error_message = "A function may delete from S3, go past Object Lock, scan a table or change rights."
  }

  # Only progress writes evidence.
  assert {
    condition = toset([for name, policy in aws_iam_role_policy.function : name if anytrue([
      for statement in jsondecode(policy.policy).Statement :
      contains(statement.Action, "s3:PutObject") && anytrue([for resource in statement.Resource : startswith(resource, "arn:aws:s3:::evidence")])
    ])]) == toset(["progress"])
    error_message = "Another function than progress may write evidence."
  }

  # Only progress sets and lifts legal holds, on sealed evidence and nothing else; nobody changes a retention.
  assert {
    condition = {
      for name, policy in aws_iam_role_policy.function : name => [
        for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(statement.Action, "s3:PutObjectLegalHold")
      ] if strcontains(policy.policy, "LegalHold")
    } == { progress = [["arn:aws:s3:::evidence/evidence/*"]] }
    error_message = "Another function than progress may set a legal hold, or progress may set one elsewhere."
  }
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.function : !strcontains(policy.policy, "Retention") && !strcontains(policy.policy, "ObjectLockConfiguration")])
    error_message = "A function may change how long evidence is kept."
  }

  # Only progress seals approvals, and whoever gives orders may have seals checked; the key itself says so, too.
  assert {
    condition = {
      for name, policy in aws_iam_role_policy.function : name => join(" ", sort(flatten([
        for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Resource == ["arn:aws:kms:eu-central-1:111122223333:key/approvals"]
      ]))) if strcontains(policy.policy, "key/approvals")
      } == {
      intake = "kms:VerifyMac", progress = "kms:GenerateMac kms:VerifyMac", sweep = "kms:VerifyMac"
    }
    error_message = "Another function than progress may seal approvals, or one that gives orders cannot have them checked."
  }
  assert {
    condition = one([for statement in jsondecode(aws_kms_key.approvals.policy).Statement : [
      statement.Principal.AWS, statement.Action, statement.Condition.ArnNotEquals["aws:PrincipalArn"]
    ] if statement.Effect == "Deny"]) == ["*", "kms:GenerateMac", "arn:aws:iam::111122223333:role/peerhound-progress"]
    error_message = "The key of the seals lets others than progress make one."
  }

  # Whoever works with the command line says things, and neither reads what others say nor seals anything.
  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_policy.operator.policy).Statement : statement.Action
      if contains(statement.Resource, "arn:aws:sqs:eu-central-1:111122223333:peerhound-decisions")
    ])) == toset(["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"])
    error_message = "An operator cannot say anything, or may take what others said off the queue."
  }
  assert {
    condition     = !strcontains(aws_iam_policy.operator.policy, "Mac") && !strcontains(aws_iam_policy.operator.policy, "key/approvals")
    error_message = "An operator may use the key of the seals."
  }

  # act uses the keys of secrets through Secrets Manager alone.
  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.function["act"].policy).Statement : statement.Condition.StringEquals["kms:ViaService"]
      if statement.Sid == "ActionSoarHookKey"
    ]) == "secretsmanager.eu-central-1.amazonaws.com"
    error_message = "act may use a secret's key for something else."
  }

  # Commands: only these documents, on all nodes that a document may go to; and only nodes tagged as relays of ours.
  assert {
    condition = alltrue([for name in ["intake", "progress", "sweep"] : toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.function[name].policy).Statement : [for resource in statement.Resource : join(" ", [resource, jsonencode(try(statement.Condition, null))])]
      if contains(statement.Action, "ssm:SendCommand")
      ])) == toset([
      "arn:aws:ssm:eu-central-1:111122223333:document/peerhound-orders-linux null",
      "arn:aws:ssm:eu-central-1:111122223333:document/peerhound-orders-windows null",
      "arn:aws:ssm:eu-central-1:111122223333:managed-instance/* {\"StringEquals\":{\"ssm:resourceTag/PeerhoundRelay\":[\"berlin\",\"vienna\"]}}",
    ])])
    error_message = "SendCommand is not confined to the two documents and to nodes with the tag of a relay."
  }

  # act reaches no endpoint, and nobody else sends mail or reads the secret.
  assert {
    condition = toset([for name, policy in aws_iam_role_policy.function : name if anytrue(flatten([
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : startswith(action, "ssm:") || startswith(action, "s3:")]
    ]))]) == toset(["intake", "progress", "sweep"])
    error_message = "act may use Systems Manager or S3."
  }
  assert {
    condition = toset([for name, policy in aws_iam_role_policy.function : name if anytrue(flatten([
      for statement in jsondecode(policy.policy).Statement : [for action in statement.Action : startswith(action, "ses:") || startswith(action, "secretsmanager:")]
    ]))]) == toset(["act"])
    error_message = "Another function than act may send mail or read the ticket secret."
  }
  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.function["act"].policy).Statement : statement.Resource
      if contains(statement.Action, "secretsmanager:GetSecretValue")
    ])) == toset([for name in ["ticket-AbCdEf", "page-AbCdEf", "chat-AbCdEf", "soar-GhIjKl"] : "arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}"])
    error_message = "act may read other secrets than those of the ticket system, the pager, the chat and the site's own actions, or not all of them."
  }
  assert {
    condition = {
      for name, policy in aws_iam_role_policy.function : name => [
        for statement in jsondecode(policy.policy).Statement : [statement.Resource, statement.Condition.StringEquals["events:source"]]
        if contains(statement.Action, "events:PutEvents")
      ] if strcontains(policy.policy, "events:")
    } == { act = [[["arn:aws:events:eu-central-1:111122223333:event-bus/soc"], "peerhound"]] }
    error_message = "Another function than act may put events, or act may do so onto another bus or in another's name."
  }
  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.function["act"].policy).Statement : statement.Condition.StringLike["ses:FromAddress"]
      if contains(statement.Action, "ses:SendEmail")
    ]) == "*@example.org"
    error_message = "act may send mail as somebody else."
  }

  # Each reads its own queue.
  assert {
    condition = alltrue([for name, queue in { intake = ["alerts"], progress = ["decisions", "reports"], act = ["actions"] } : one([
      for statement in jsondecode(aws_iam_role_policy.function[name].policy).Statement : statement.Resource
      if contains(statement.Action, "sqs:ReceiveMessage")
    ]) == [for name in queue : "arn:aws:sqs:eu-central-1:111122223333:peerhound-${name}"]])
    error_message = "A function does not read its queue, or reads another one."
  }

  # What a function sets aside goes behind its own queue, and the sweep reads none.
  assert {
    condition = {
      for name, policy in aws_iam_role_policy.function : name => [
        for queue in one([for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(statement.Action, "sqs:SendMessage")]) :
        trimprefix(queue, "arn:aws:sqs:eu-central-1:111122223333:peerhound-") if endswith(queue, "-dlq")
      ]
    } == { intake = ["alerts-dlq"], progress = ["reports-dlq", "decisions-dlq"], act = ["actions-dlq"], sweep = [] }
    error_message = "A function cannot set aside what it cannot work, or may do so behind another one's queue."
  }

  # The agent's role is for Systems Manager in this account and region alone.
  assert {
    condition     = jsondecode(aws_iam_role.relay.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    error_message = "The relays' role can be assumed for another account."
  }
  assert {
    condition = alltrue([for action in ["ssm:GetParameter", "ssm:GetParameters"] : anytrue([
      for statement in jsondecode(aws_iam_role_policy.relay.policy).Statement :
      statement.Effect == "Deny" && contains(statement.Action, action) && statement.Resource == ["*"]
    ])])
    error_message = "Whoever gets hold of a relay can read the parameters of the account."
  }
}

run "buckets_and_queues" {
  command = apply

  # Nobody deletes evidence, and nobody speaks to buckets and queues in the clear.
  assert {
    condition = contains([
      for statement in jsondecode(aws_s3_bucket_policy.evidence.policy).Statement : {
        effect = statement.Effect, who = statement.Principal, what = statement.Action, where = statement.Resource
      } if !can(statement.Condition)
      ], {
      effect = "Deny", who = "*", what = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"], where = "arn:aws:s3:::evidence/*"
    })
    error_message = "The evidence bucket does not deny deleting to everybody."
  }
  assert {
    condition = alltrue([for policy in concat(
      [aws_s3_bucket_policy.evidence.policy, aws_s3_bucket_policy.staging.policy],
      values(aws_sqs_queue_policy.this)[*].policy, values(aws_sqs_queue_policy.dead)[*].policy,
      ) : anytrue([for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && statement.Principal == "*" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])])
    error_message = "A bucket or queue can be spoken to without TLS."
  }
  assert {
    condition = alltrue([for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "A bucket could be made public."
  }
  assert {
    condition     = aws_s3_bucket.evidence.object_lock_enabled && !aws_s3_bucket.evidence.force_destroy && aws_s3_bucket_object_lock_configuration.evidence.rule[0].default_retention[0].days == 365
    error_message = "Evidence is not locked for a year."
  }

  # Only these rules and this bucket of this account write to reports; without writers, nobody is let into alerts.
  assert {
    condition = toset([for statement in jsondecode(aws_sqs_queue_policy.this["reports"].policy).Statement :
      "${statement.Principal.Service} ${statement.Condition.ArnEquals["aws:SourceArn"]}" if statement.Effect == "Allow"
      ]) == toset([
      "s3.amazonaws.com arn:aws:s3:::staging",
      "events.amazonaws.com arn:aws:events:eu-central-1:111122223333:rule/peerhound-command-status",
      "events.amazonaws.com arn:aws:events:eu-central-1:111122223333:rule/peerhound-mail-returned",
    ])
    error_message = "Others may write to reports."
  }
  assert {
    condition     = alltrue([for queue in ["alerts", "actions", "decisions"] : length([for statement in jsondecode(aws_sqs_queue_policy.this[queue].policy).Statement : 1 if statement.Effect == "Allow"]) == 0])
    error_message = "Somebody may write to alerts, actions or decisions without being named."
  }
}

run "writers_of_alerts" {
  command = apply
  variables {
    alert_writers = ["arn:aws:iam::444455556666:role/siem"]
    alert_topics  = ["arn:aws:sns:eu-central-1:444455556666:alerts"]
  }

  assert {
    condition = toset([for statement in jsondecode(aws_sqs_queue_policy.this["alerts"].policy).Statement :
      jsonencode([statement.Principal, try(statement.Condition.ArnEquals, null)]) if statement.Effect == "Allow"
      ]) == toset([
      "[{\"AWS\":[\"arn:aws:iam::444455556666:role/siem\"]},null]",
      "[{\"Service\":\"sns.amazonaws.com\"},{\"aws:SourceArn\":[\"arn:aws:sns:eu-central-1:444455556666:alerts\"]}]",
    ])
    error_message = "The alerts queue is not open to exactly the writers and topics given."
  }
}

run "without_relays_mail_and_tickets" {
  command = apply
  variables {
    relays        = {}
    mail          = null
    ticket_secret = null
    page_secret   = null
    chat_secret   = null
    tracing       = false

    findings_event_bus_arn = null
  }

  assert {
    condition = toset(flatten([for policy in aws_iam_role_policy.function : [
      for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Sid == "Mail" || anytrue([for name in ["Ticket", "Page", "Chat"] : startswith(statement.Sid, name)]) || contains(["Trace", "Findings"], statement.Sid)
    ]])) == toset([])
    error_message = "A function may do what nothing is configured for."
  }
  assert {
    condition = one([for statement in jsondecode(aws_iam_role_policy.function["intake"].policy).Statement :
      statement.Condition.StringEquals["ssm:resourceTag/PeerhoundRelay"] if statement.Sid == "SendToRelays"
    ]) == ["none"]
    error_message = "Without relays, commands may go to some node."
  }
}
