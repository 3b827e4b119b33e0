locals {
  mail_identity_arn = var.mail == null ? null : (
    "arn:${local.partition}:ses:${local.region}:${local.account}:identity/${var.mail.identity}"
  )
  # The sender's addresses that act may use.
  mail_senders = var.mail == null ? null : coalesce(
    var.mail.from,
    strcontains(var.mail.identity, "@") ? var.mail.identity : "*@${var.mail.identity}",
  )
}

resource "aws_sesv2_email_identity" "this" {
  count = try(var.mail.create, false) ? 1 : 0

  email_identity         = var.mail.identity
  configuration_set_name = aws_sesv2_configuration_set.this[0].configuration_set_name
  tags                   = local.tags
}

resource "aws_sesv2_configuration_set" "this" {
  count = var.mail == null ? 0 : 1

  configuration_set_name = var.name_prefix

  delivery_options {
    tls_policy = "REQUIRE"
  }

  reputation_options {
    reputation_metrics_enabled = true
  }

  sending_options {
    sending_enabled = true
  }

  # Who complained or does not exist is not written to again.
  suppression_options {
    suppressed_reasons = ["BOUNCE", "COMPLAINT"]
  }

  tags = local.tags
}

# Mails that came back or were complained of: noted on their case. SES publishes to the default event bus only.
resource "aws_sesv2_configuration_set_event_destination" "returned" {
  count = var.mail == null ? 0 : 1

  configuration_set_name = aws_sesv2_configuration_set.this[0].configuration_set_name
  event_destination_name = "returned"

  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "COMPLAINT", "REJECT"]

    event_bridge_destination {
      event_bus_arn = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/default"
    }
  }
}
