# Peerhound in one account and one region. Copy this folder, and change what is marked.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }

  # The state holds the relays' activation codes: keep it in an encrypted bucket, not in a folder.
  # backend "s3" {
  #   bucket       = "…"
  #   key          = "peerhound.tfstate"
  #   region       = "eu-central-1"
  #   encrypt      = true
  #   use_lockfile = true
  # }
}

provider "aws" {
  region = var.region
}

module "peerhound" {
  source = "../.."

  # What scripts/package wrote, the policy inside.
  package_dir = var.package_dir

  # One for each [[relay]] of the policy.
  relays = var.relays

  # Who sends alerts: the SIEM's role, or topics.
  alert_writers = var.alert_writers
  alert_topics  = var.alert_topics

  # The sender of mail, and the secrets of the ticket system, the pager and the chat.
  mail          = var.mail
  ticket_secret = var.ticket_secret
  page_secret   = var.page_secret
  chat_secret   = var.chat_secret

  # The event bus by which the SIEM learns the result of each case.
  findings_event_bus_arn = var.findings_event_bus_arn

  retention_days = var.retention_days
  alarm_topics   = [aws_sns_topic.alarms.arn]

  deletion_protection = var.deletion_protection
}

# Alarms reach people by mail; each must confirm the subscription once.
resource "aws_sns_topic" "alarms" {
  name              = "peerhound-alarms"
  kms_master_key_id = aws_kms_key.alarms.id
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = toset(var.alarm_addresses)

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

# Of its own, since CloudWatch cannot use the key that SNS brings.
resource "aws_kms_key" "alarms" {
  description         = "peerhound: alarms"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })
}

data "aws_caller_identity" "current" {}
