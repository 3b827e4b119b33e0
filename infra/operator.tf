# What a person's command line needs: to be attached to the role or permission set of those who work with Peerhound.
# It reads everything, evidence included, submits alerts and puts dead letters back. It deletes no evidence.
resource "aws_iam_policy" "operator" {
  name        = "${var.name_prefix}-operator"
  description = "The command line of Peerhound, for analysts."
  tags        = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # Scan: lists of all cases and claims, and forgetting what is old.
        Sid    = "Records"
        Effect = "Allow"
        Action = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:ConditionCheckItem",
          "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
          "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:DescribeContinuousBackups",
        ]
        Resource = [
          aws_dynamodb_table.cases.arn, "${aws_dynamodb_table.cases.arn}/index/*", aws_dynamodb_table.cooldowns.arn,
        ]
      },
      {
        Sid       = "RecordsKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey"]
        Resource  = [aws_kms_key.records.arn]
        Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }
      },
      {
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
        Resource = concat(values(aws_sqs_queue.this)[*].arn, values(aws_sqs_queue.dead)[*].arn)
      },
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
        Resource = values(aws_sqs_queue.dead)[*].arn
      },
      {
        Sid      = "Evidence"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"]
        Resource = ["${aws_s3_bucket.evidence.arn}/evidence/*"]
      },
      {
        Sid    = "Buckets"
        Effect = "Allow"
        Action = [
          "s3:ListBucket", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning", "s3:GetLifecycleConfiguration",
          "s3:GetBucketNotification", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration",
        ]
        Resource = [aws_s3_bucket.staging.arn, aws_s3_bucket.evidence.arn]
      },
      {
        Sid       = "EvidenceKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [aws_kms_key.evidence.arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      },
      {
        Sid      = "Functions"
        Effect   = "Allow"
        Action   = ["lambda:GetFunctionConfiguration", "lambda:GetFunctionConcurrency"]
        Resource = values(aws_lambda_function.this)[*].arn
      },
      {
        Sid      = "Documents"
        Effect   = "Allow"
        Action   = ["ssm:DescribeDocument", "ssm:GetDocument"]
        Resource = [for document in local.documents : document.arn]
      },
      {
        # None of these actions names a resource.
        Sid      = "Relays"
        Effect   = "Allow"
        Action   = ["ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ses:GetAccount"]
        Resource = ["*"]
      },
      {
        Sid      = "MailIdentity"
        Effect   = "Allow"
        Action   = ["ses:GetEmailIdentity"]
        Resource = [coalesce(local.mail_identity_arn, "arn:${local.partition}:ses:${local.region}:${local.account}:identity/none")]
      },
      ], !local.has_approve ? [] : [{
        # That they are there, and not what they say: whoever knows that can approve as anybody.
        Sid      = "ApprovalSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret"]
        Resource = [var.door.approve.link_secret_arn, var.door.approve.codes_secret_arn]
    }])
  })
}

output "operator_policy" {
  description = "ARN of the policy to attach to the role of people who use the command line."
  value       = aws_iam_policy.operator.arn
}
