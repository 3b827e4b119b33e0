locals {
  platforms = ["linux", "windows"]

  documents = {
    for platform in local.platforms : platform => {
      name    = "${var.name_prefix}-orders-${platform}"
      arn     = "arn:${local.partition}:ssm:${local.region}:${local.account}:document/${var.name_prefix}-orders-${platform}"
      content = jsondecode(file("${path.module}/documents/orders-${platform}.json"))
    }
  }

  # Relays that machines can still register for.
  activations = { for name, relay in var.relays : name => relay if relay.activate }
}

# What a relay is told to run. The files are whole documents; only the time-out is this deployment's own.
resource "aws_ssm_document" "orders" {
  for_each = local.documents

  name            = each.value.name
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/"
  tags            = local.tags

  content = jsonencode(merge(each.value.content, {
    mainSteps = [for step in each.value.content.mainSteps : merge(step, {
      inputs = merge(step.inputs, { timeoutSeconds = tostring(var.order_timeout_seconds) })
    })]
  }))
}

# What the agent on a relay may do: be managed. The relay itself needs no right in AWS.
resource "aws_iam_role" "relay" {
  name        = "${var.name_prefix}-relay"
  description = "Relays registered as hybrid nodes of Systems Manager."
  tags        = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "SystemsManager"
      Effect    = "Allow"
      Principal = { Service = "ssm.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ssm:${local.region}:${local.account}:*" }
      }
    }]
  })
}

# AWS's own policy for agents: it follows what new versions of the agent call, and an agent that lacks a right vanishes
# without a word. Nothing in it names this account's data but the parameters, see below.
resource "aws_iam_role_policy_attachment" "relay" {
  role       = aws_iam_role.relay.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

# That policy lets an agent read every parameter of the account, secrets among them. No document of ours refers to one, so
# whoever gets hold of a relay does not get them.
resource "aws_iam_role_policy" "relay" {
  name = "no-parameters"
  role = aws_iam_role.relay.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "NoParameters"
      Effect   = "Deny"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory"]
      Resource = ["*"]
    }]
  })
}

# Machines that register with it carry its tags, by which the functions find them.
resource "aws_ssm_activation" "relay" {
  for_each = local.activations

  name               = "${var.name_prefix}-${each.key}"
  description        = "Relay ${each.key} of ${var.name_prefix}"
  iam_role           = aws_iam_role.relay.name
  registration_limit = each.value.registration_limit
  expiration_date    = each.value.expiration

  tags = merge(local.tags, { PeerhoundRelay = each.key })

  # Systems Manager tries to assume the role.
  depends_on = [aws_iam_role_policy_attachment.relay]
}
