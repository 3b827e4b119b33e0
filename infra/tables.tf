# Encrypts what is on record: the tables and the logs.
resource "aws_kms_key" "records" {
  description             = "${var.name_prefix}: tables and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.key_administration,
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name_prefix}-*" }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "records" {
  name          = "alias/${var.name_prefix}-records"
  target_key_id = aws_kms_key.records.key_id
}

locals {
  # The account's own policies decide who may use and administer the key.
  key_administration = {
    Sid       = "Account"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }
}

# Claims: which machine or user is being, or was recently, investigated.
resource "aws_dynamodb_table" "cooldowns" {
  name         = "${var.name_prefix}-cooldowns"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"

  attribute {
    name = "pk"
    type = "S"
  }

  # Only collects garbage: whether a claim has expired is compared in every condition.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.records.arn
  }

  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags
}

# Cases, their alerts, and what is waiting for them.
resource "aws_dynamodb_table" "cases" {
  name         = "${var.name_prefix}-cases"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = ["pk", "sk", "queue", "at", "day", "event_id"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  # What is open, waiting or to be reviewed, by time.
  global_secondary_index {
    name      = "by_queue"
    hash_key  = "queue"
    range_key = "at"
    # Bodies are read by their keys, strongly consistent: an index of them would be written for nothing.
    projection_type    = "INCLUDE"
    non_key_attributes = ["due"]
  }

  # All cases, by the day they were opened.
  global_secondary_index {
    name            = "by_day"
    hash_key        = "day"
    range_key       = "at"
    projection_type = "KEYS_ONLY"
  }

  # Alerts by the id their source gave them.
  global_secondary_index {
    name            = "by_event"
    hash_key        = "event_id"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.records.arn
  }

  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags
}
