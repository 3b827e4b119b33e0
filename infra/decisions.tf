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
