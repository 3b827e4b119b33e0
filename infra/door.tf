# The door for SIEMs that speak HTTPS: API Gateway takes a request, holds it against its limits and hands it to the
# function ingest, which knows the keys. Only there if var.door says so; with var.door.approve it is the door for approvers
# too.

locals {
  approve     = try(var.door.approve, null)
  has_approve = local.approve != null
  # GET looks and changes nothing, POST passes a person's word on.
  approve_routes = local.has_approve ? toset(["GET", "POST"]) : toset([])
}

resource "aws_apigatewayv2_api" "door" {
  count = local.has_door ? 1 : 0

  name          = "${var.name_prefix}-door"
  description   = "Takes alerts over HTTPS for ${var.name_prefix}."
  protocol_type = "HTTP"
  tags          = local.tags
}

resource "aws_apigatewayv2_integration" "door" {
  count = local.has_door ? 1 : 0

  api_id                 = aws_apigatewayv2_api.door[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this["ingest"].arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "door" {
  count = local.has_door ? 1 : 0

  #checkov:skip=CKV_AWS_309:SIEMs cannot sign for IAM or fetch tokens; the function checks a key or a signature, see casework::door
  api_id    = aws_apigatewayv2_api.door[0].id
  route_key = "POST /alerts"
  target    = "integrations/${aws_apigatewayv2_integration.door[0].id}"
}

resource "aws_apigatewayv2_route" "approve" {
  for_each = local.approve_routes

  #checkov:skip=CKV_AWS_309:Approvers have a signed link and a code; the function progress checks both, see casework::aws::decisions
  api_id    = aws_apigatewayv2_api.door[0].id
  route_key = "${each.key} /approve"
  target    = "integrations/${aws_apigatewayv2_integration.door[0].id}"
}

resource "aws_apigatewayv2_stage" "door" {
  count = local.has_door ? 1 : 0

  api_id      = aws_apigatewayv2_api.door[0].id
  name        = "$default"
  auto_deploy = true

  # What comes faster is answered 429 before the function is asked.
  default_route_settings {
    throttling_rate_limit  = var.door.rate
    throttling_burst_limit = var.door.burst
  }

  # People click: what is faster than this is no person, and does not take alerts' room.
  dynamic "route_settings" {
    for_each = aws_apigatewayv2_route.approve

    content {
      route_key              = route_settings.value.route_key
      throttling_rate_limit  = var.door.approve.rate
      throttling_burst_limit = var.door.approve.burst
    }
  }

  # Who knocked and what was answered; neither keys nor bodies, and neither paths nor queries, as links are secrets.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.door[0].arn
    format = jsonencode({
      requestId = "$context.requestId"
      ip        = "$context.identity.sourceIp"
      time      = "$context.requestTime"
      route     = "$context.routeKey"
      status    = "$context.status"
      length    = "$context.responseLength"
      error     = "$context.integrationErrorMessage"
    })
  }

  tags = local.tags
}

resource "aws_cloudwatch_log_group" "door" {
  count = local.has_door ? 1 : 0

  name              = "/aws/apigateway/${var.name_prefix}-door"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.records.arn
  tags              = local.tags
}

resource "aws_lambda_permission" "door" {
  count = local.has_door ? 1 : 0

  statement_id  = "door"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["ingest"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.door[0].execution_arn}/*/POST/alerts"
}

resource "aws_lambda_permission" "approve" {
  for_each = local.approve_routes

  statement_id  = "approve-${lower(each.key)}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this["ingest"].function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.door[0].execution_arn}/*/${each.key}/approve"
}
