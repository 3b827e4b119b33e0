# Two buckets: relays upload into `staging` by presigned requests; what has been verified and sealed lies in
# `evidence`, from which nobody may delete.

resource "aws_kms_key" "evidence" {
  description             = "${var.name_prefix}: staged and sealed evidence"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = local.tags

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.key_administration]
  })
}

resource "aws_kms_alias" "evidence" {
  name          = "alias/${var.name_prefix}-evidence"
  target_key_id = aws_kms_key.evidence.key_id
}

resource "aws_s3_bucket" "staging" {
  #checkov:skip=CKV_AWS_144:What is staged is sealed within minutes and then deleted; a copy elsewhere has no use
  #checkov:skip=CKV_AWS_18:Access logs go to the bucket of access_log_bucket, if there is one
  bucket = "${var.name_prefix}-staging-${local.account}-${local.region}"
  # Staged files expire by themselves and must not be in the way of tearing down.
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket" "evidence" {
  #checkov:skip=CKV_AWS_144:Where a second copy may lie is for the operator to decide; replication can be added to this bucket
  #checkov:skip=CKV_AWS_18:Access logs go to the bucket of access_log_bucket, if there is one
  #checkov:skip=CKV2_AWS_62:Nothing waits for sealed evidence: the case that it belongs to names it
  bucket              = "${var.name_prefix}-evidence-${local.account}-${local.region}"
  object_lock_enabled = true
  force_destroy       = false
  tags                = local.tags
}

resource "aws_s3_bucket_object_lock_configuration" "evidence" {
  bucket = aws_s3_bucket.evidence.id

  rule {
    default_retention {
      mode = var.retention_mode
      days = var.retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

locals {
  buckets = {
    staging  = aws_s3_bucket.staging
    evidence = aws_s3_bucket.evidence
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = each.value.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.evidence.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = each.value.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.access_log_bucket == null ? {} : local.buckets

  bucket        = each.value.id
  target_bucket = var.access_log_bucket
  target_prefix = "${each.value.id}/"
}

resource "aws_s3_bucket_policy" "staging" {
  bucket = aws_s3_bucket.staging.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.tls_only, { Action = "s3:*", Resource = [aws_s3_bucket.staging.arn, "${aws_s3_bucket.staging.arn}/*"] }),
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_policy" "evidence" {
  bucket = aws_s3_bucket.evidence.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.tls_only, { Action = "s3:*", Resource = [aws_s3_bucket.evidence.arn, "${aws_s3_bucket.evidence.arn}/*"] }),
      {
        # Not even an administrator, until this policy itself is changed, which leaves its own trace.
        Sid       = "NobodyDeletes"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
        Resource  = "${aws_s3_bucket.evidence.arn}/*"
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "staging" {
  bucket = aws_s3_bucket.staging.id

  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "staged"
    status = "Enabled"
    filter {
      prefix = "staging/"
    }
    expiration {
      days = var.staging_days
    }
  }

  rule {
    id     = "orders"
    status = "Enabled"
    filter {
      prefix = "orders/"
    }
    expiration {
      days = 2
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "evidence" {
  bucket = aws_s3_bucket.evidence.id

  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Object Lock holds against lifecycle rules, too: nothing is deleted before its retention has ended.
  rule {
    id     = "expired"
    status = var.evidence_expiry_days == null ? "Disabled" : "Enabled"
    filter {
      prefix = "evidence/"
    }
    expiration {
      days = var.evidence_expiry_days == null ? var.retention_days : var.evidence_expiry_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# A bundle of a relay arrived.
resource "aws_s3_bucket_notification" "staging" {
  bucket = aws_s3_bucket.staging.id

  queue {
    id            = "bundles"
    queue_arn     = aws_sqs_queue.this["reports"].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "staging/"
    filter_suffix = "bundle.zip"
  }

  # S3 tries whether it may send before it accepts the configuration.
  depends_on = [aws_sqs_queue_policy.this]
}
