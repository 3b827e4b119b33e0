# What people say of changes on endpoints: approve, reject, undo. It comes on a queue of its own, to the function that may
# take it, and what was taken carries that function's seal.

# A word counts for fifteen minutes, and must not wait behind reports of hundreds of relays.
resource "aws_lambda_event_source_mapping" "decisions" {
  function_name    = aws_lambda_function.this["progress"].arn
  event_source_arn = aws_sqs_queue.this["decisions"].arn

  batch_size                         = 10
  maximum_batching_window_in_seconds = 0
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }
}

# Seals what was taken: an HMAC of KMS. progress makes seals, and whoever gives orders has them checked. Everybody else is
# denied making one by the key itself, whatever their own policies allow: only whoever may change this policy can get there.
resource "aws_kms_key" "approvals" {
  #checkov:skip=CKV_AWS_7:KMS rotates no HMAC keys; approvals live for hours, and a new key only makes people give them again
  description              = "${var.name_prefix}: seals of approvals"
  key_usage                = "GENERATE_VERIFY_MAC"
  customer_master_key_spec = "HMAC_256"
  deletion_window_in_days  = 30
  tags                     = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.key_administration,
      {
        Sid       = "OnlyProgressSeals"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "kms:GenerateMac"
        Resource  = "*"
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = aws_iam_role.function["progress"].arn } }
      },
    ]
  })
}

resource "aws_kms_alias" "approvals" {
  name          = "alias/${var.name_prefix}-approvals"
  target_key_id = aws_kms_key.approvals.key_id
}

locals {
  seal_approvals = [{
    Sid      = "SealApprovals"
    Effect   = "Allow"
    Action   = ["kms:GenerateMac"]
    Resource = [aws_kms_key.approvals.arn]
  }]
  check_approvals = [{
    Sid      = "CheckApprovals"
    Effect   = "Allow"
    Action   = ["kms:VerifyMac"]
    Resource = [aws_kms_key.approvals.arn]
  }]
}
