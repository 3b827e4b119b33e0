# One role for each function, with what it needs and no more. None may delete evidence, and none has a right to a
# whole class of resources where the service lets it name one.

resource "aws_iam_role" "function" {
  for_each = local.functions

  name        = "${var.name_prefix}-${each.key}"
  description = "The function ${var.name_prefix}-${each.key}."
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

locals {
  secrets = {
    Ticket = var.ticket_secret
    Page   = var.page_secret
    Chat   = var.chat_secret
    Door   = var.door == null ? null : { arn = var.door.secret_arn, kms_key_arn = var.door.kms_key_arn }
    Link   = !local.has_approve ? null : { arn = var.door.approve.link_secret_arn, kms_key_arn = var.door.approve.link_kms_key_arn }
    Codes  = !local.has_approve ? null : { arn = var.door.approve.codes_secret_arn, kms_key_arn = var.door.approve.codes_kms_key_arn }
  }

  # To read one secret, and to decrypt it where its key is the customer's.
  read_secret = { for name, secret in local.secrets : name => secret == null ? [] : concat(
    [{
      Sid      = "${name}Secret"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = [secret.arn]
    }],
    secret.kms_key_arn == null ? [] : [{
      Sid       = "${name}SecretKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [secret.kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.amazonaws.com" } }
    }],
  ) }

  # Statements by what they are for.
  may = {
    # Every function moves cases on: reads and writes single items, asks the indexes, and never scans.
    keep_records = [
      {
        Sid    = "Records"
        Effect = "Allow"
        Action = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:ConditionCheckItem",
          "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
        ]
        Resource = [aws_dynamodb_table.cases.arn, aws_dynamodb_table.cooldowns.arn]
      },
      {
        Sid      = "Indexes"
        Effect   = "Allow"
        Action   = ["dynamodb:Query"]
        Resource = ["${aws_dynamodb_table.cases.arn}/index/*"]
      },
      {
        Sid       = "RecordsKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey"]
        Resource  = [aws_kms_key.records.arn]
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }
      },
    ]

    # Look at a case whose id is known, and at nothing else of the table: what approvers are shown.
    look_at_cases = [for statement in [
      {
        Sid       = "Cases"
        Effect    = "Allow"
        Action    = ["dynamodb:GetItem"]
        Resource  = [aws_dynamodb_table.cases.arn]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["case#ph-*"] } }
      },
      {
        Sid       = "RecordsKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [aws_kms_key.records.arn]
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }
      },
    ] : statement if local.has_approve]

    # Put an order file into the staging bucket, sign the address that the relay reads it from, and sign those that
    # it uploads to: a presigned request has the rights of who signed it.
    dispatch = [
      {
        Sid      = "OrderFiles"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject"]
        Resource = ["${aws_s3_bucket.staging.arn}/orders/*"]
      },
      {
        Sid      = "SignedUploads"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${aws_s3_bucket.staging.arn}/staging/*"]
      },
      {
        Sid       = "StagingKey"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = [aws_kms_key.evidence.arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      },
      {
        # This action names no resource.
        Sid      = "FindRelays"
        Effect   = "Allow"
        Action   = ["ssm:DescribeInstanceInformation"]
        Resource = ["*"]
      },
      # Apart, since a condition on the node's tags would never hold for a document.
      {
        Sid      = "SendTheseDocuments"
        Effect   = "Allow"
        Action   = ["ssm:SendCommand"]
        Resource = [for document in local.documents : document.arn]
      },
      {
        Sid       = "SendToRelays"
        Effect    = "Allow"
        Action    = ["ssm:SendCommand"]
        Resource  = ["arn:${local.partition}:ssm:${local.region}:${local.account}:managed-instance/*"]
        Condition = { StringEquals = { "ssm:resourceTag/PeerhoundRelay" = length(var.relays) == 0 ? ["none"] : keys(var.relays) } }
      },
    ]

    # Ask after commands, and end them. None of these actions names a resource.
    follow_commands = [{
      Sid      = "FollowCommands"
      Effect   = "Allow"
      Action   = ["ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:CancelCommand"]
      Resource = ["*"]
    }]

    # With the right to list, S3 says of a missing object that it is missing, and not that it is forbidden.
    read_staged = [
      {
        Sid      = "Staged"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${aws_s3_bucket.staging.arn}/staging/*"]
      },
      {
        Sid      = "StagedOrMissing"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [aws_s3_bucket.staging.arn]
      },
    ]

    # Write evidence, and compare what lies there when somebody else was first. How long it is kept is the bucket's
    # own setting, which no function may change.
    seal = [
      {
        Sid      = "Evidence"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource = ["${aws_s3_bucket.evidence.arn}/evidence/*"]
      },
      {
        Sid      = "EvidenceOrMissing"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [aws_s3_bucket.evidence.arn]
      },
    ]

    # Put sealed evidence under legal hold, and lift that again. A hold keeps an object whatever its retention is; it
    # shortens none, and no function may change a retention.
    hold = [{
      Sid      = "LegalHold"
      Effect   = "Allow"
      Action   = ["s3:PutObjectLegalHold"]
      Resource = ["${aws_s3_bucket.evidence.arn}/evidence/*"]
    }]

    # Read the headers of the site's own actions, each one a secret that is named.
    act_for_the_site = flatten([for name, secret in var.action_secrets : concat(
      [{
        Sid      = "Action${replace(title(replace(name, "/[-_]/", " ")), " ", "")}"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [secret.arn]
      }],
      secret.kms_key_arn == null ? [] : [{
        Sid       = "Action${replace(title(replace(name, "/[-_]/", " ")), " ", "")}Key"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [secret.kms_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.amazonaws.com" } }
      }],
    )])

    send_mail = var.mail == null ? [] : [{
      Sid       = "Mail"
      Effect    = "Allow"
      Action    = ["ses:SendEmail", "ses:SendRawEmail"]
      Resource  = [local.mail_identity_arn, "arn:${local.partition}:ses:${local.region}:${local.account}:configuration-set/${var.name_prefix}"]
      Condition = { StringLike = { "ses:FromAddress" = local.mail_senders } }
    }]

    put_findings = var.findings_event_bus_arn == null ? [] : [{
      Sid       = "Findings"
      Effect    = "Allow"
      Action    = ["events:PutEvents"]
      Resource  = [var.findings_event_bus_arn]
      Condition = { StringEquals = { "events:source" = "peerhound" } }
    }]

    # X-Ray names no resources.
    trace = var.tracing ? [{
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    }] : []
  }

  # The queues that each function may send to: a dead-letter queue is that of its own queue, for what it sets
  # aside. progress puts a word that cannot be taken at this moment on its queue anew.
  sends_to = {
    ingest   = concat([aws_sqs_queue.this["alerts"].arn, aws_sqs_queue.dead["alerts"].arn], local.has_approve ? [aws_sqs_queue.this["decisions"].arn] : [])
    intake   = [aws_sqs_queue.dead["alerts"].arn, aws_sqs_queue.this["reports"].arn, aws_sqs_queue.this["actions"].arn]
    progress = [aws_sqs_queue.dead["reports"].arn, aws_sqs_queue.dead["decisions"].arn, aws_sqs_queue.this["reports"].arn, aws_sqs_queue.this["actions"].arn, aws_sqs_queue.this["decisions"].arn]
    act      = [aws_sqs_queue.dead["actions"].arn, aws_sqs_queue.this["reports"].arn, aws_sqs_queue.this["actions"].arn]
    sweep    = [aws_sqs_queue.this["reports"].arn, aws_sqs_queue.this["actions"].arn]
  }

  permissions = {
    ingest   = concat(local.read_secret["Door"], local.read_secret["Link"], local.may.look_at_cases, local.may.trace)
    intake   = concat(local.may.keep_records, local.may.dispatch, local.check_approvals, local.may.trace)
    progress = concat(local.may.keep_records, local.may.dispatch, local.check_approvals, local.seal_approvals, local.may.follow_commands, local.may.read_staged, local.may.seal, local.may.hold, local.read_secret["Link"], local.read_secret["Codes"], local.may.trace)
    act      = concat(local.may.keep_records, local.may.send_mail, local.read_secret["Ticket"], local.read_secret["Page"], local.read_secret["Chat"], local.read_secret["Link"], local.may.put_findings, local.may.act_for_the_site, local.may.trace)
    sweep    = concat(local.may.keep_records, local.may.dispatch, local.check_approvals, local.may.follow_commands, local.may.read_staged, local.may.trace)
  }
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "work"
  role = aws_iam_role.function[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.permissions[each.key],
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
        },
        {
          Sid      = "Send"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = local.sends_to[each.key]
        },
      ],
      each.value.queue == null ? [] : [{
        Sid      = "Receive"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        Resource = [for queue, reads in local.queues : aws_sqs_queue.this[queue].arn if reads.reader == each.key]
      }],
    )
  })
}
