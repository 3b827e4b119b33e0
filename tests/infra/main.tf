# The module, deployed to an emulator for the acceptance tests. Everything is real but where the services are.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 6.0"
    }
  }
}

variable "endpoint" {
  description = "Where the emulated services are, e.g. http://127.0.0.1:4566."
  type        = string
}

variable "ssm_endpoint" {
  description = "Where Systems Manager is."
  type        = string
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "package_dir" {
  type = string
}

variable "name_prefix" {
  type    = string
  default = "peerhound"
}

variable "function_environment" {
  type    = map(string)
  default = {}
}

variable "functions" {
  description = "As the module's; typed loosely, so that it stays out of the way of the module's defaults."
  type        = any
  default     = {}
}

variable "relays" {
  type    = any
  default = {}
}

variable "order_timeout_seconds" {
  type    = number
  default = 7200
}

variable "mail" {
  type    = any
  default = null
}

variable "ticket_secret" {
  type    = any
  default = null
}

variable "door" {
  type    = any
  default = null
}

variable "retention_days" {
  type    = number
  default = 1
}

variable "retention_mode" {
  type    = string
  default = "GOVERNANCE"
}

variable "sweep_enabled" {
  type    = bool
  default = true
}

variable "sts_endpoint" {
  type    = string
  default = null
}

variable "log_level" {
  type    = string
  default = "DEBUG"
}

variable "findings_bus" {
  description = "Name of a bus for findings, with a rule that sends them to a queue as a SIEM would; null: none."
  type        = string
  default     = null
}

provider "aws" {
  region     = var.region
  access_key = "test"
  secret_key = "test"

  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  s3_use_path_style           = true

  endpoints {
    apigatewayv2   = var.endpoint
    cloudwatch     = var.endpoint
    dynamodb       = var.endpoint
    events         = var.endpoint
    iam            = var.endpoint
    kms            = var.endpoint
    lambda         = var.endpoint
    logs           = var.endpoint
    s3             = var.endpoint
    secretsmanager = var.endpoint
    sesv2          = var.endpoint
    sqs            = var.endpoint
    ssm            = var.ssm_endpoint
    sts            = var.endpoint
  }
}

module "peerhound" {
  source = "../../infra"

  name_prefix           = var.name_prefix
  package_dir           = var.package_dir
  functions             = var.functions
  function_environment  = var.function_environment
  relays                = var.relays
  order_timeout_seconds = var.order_timeout_seconds
  mail                  = var.mail
  ticket_secret         = var.ticket_secret
  door                  = var.door
  retention_days        = var.retention_days
  retention_mode        = var.retention_mode
  sweep_enabled         = var.sweep_enabled
  log_level             = var.log_level
  sts_endpoint          = var.sts_endpoint
  # The bus is the company's, and was there before.
  findings_event_bus_arn = var.findings_bus == null ? null : "arn:aws:events:${var.region}:000000000000:event-bus/${var.findings_bus}"
  deletion_protection    = false
  # The emulator traces nothing.
  tracing = false
}

# What a company has before: a bus of its own, and on it the rule of docs/aws.md.

resource "aws_cloudwatch_event_bus" "siem" {
  count = var.findings_bus == null ? 0 : 1
  name  = var.findings_bus
}

resource "aws_cloudwatch_event_rule" "siem" {
  count          = length(aws_cloudwatch_event_bus.siem)
  name           = "to-the-siem"
  event_bus_name = aws_cloudwatch_event_bus.siem[0].name
  event_pattern = jsonencode({
    source      = ["peerhound"]
    detail-type = ["OCSF Detection Finding"]
    detail      = { is_alert = [true] }
  })
}

resource "aws_sqs_queue" "siem" {
  count = length(aws_cloudwatch_event_bus.siem)
  name  = "siem"
}

resource "aws_cloudwatch_event_target" "siem" {
  count          = length(aws_cloudwatch_event_bus.siem)
  rule           = aws_cloudwatch_event_rule.siem[0].name
  event_bus_name = aws_cloudwatch_event_bus.siem[0].name
  arn            = aws_sqs_queue.siem[0].arn
}

output "siem_queue_url" {
  value = one(aws_sqs_queue.siem[*].url)
}

output "door_url" {
  value = module.peerhound.door_url
}

output "deployment" {
  value = module.peerhound.deployment
}

output "queue_urls" {
  value = module.peerhound.queue_urls
}

output "queue_arns" {
  value = module.peerhound.queue_arns
}

output "tables" {
  value = module.peerhound.tables
}

output "buckets" {
  value = module.peerhound.buckets
}

output "keys" {
  value = module.peerhound.keys
}

output "functions" {
  value = module.peerhound.functions
}

output "documents" {
  value = module.peerhound.documents
}

output "activations" {
  value     = module.peerhound.activations
  sensitive = true
}

output "alarms" {
  value = module.peerhound.alarms
}
