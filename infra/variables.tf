# Where and under which names.

variable "name_prefix" {
  description = "Begins the name of every resource. Two deployments in one account and region need two prefixes."
  type        = string
  default     = "peerhound"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name_prefix)) && !startswith(var.name_prefix, "aws") && !startswith(var.name_prefix, "amazon")
    error_message = "name_prefix must be 3 to 20 of a-z, 0-9 and -, begin with a letter, not end with -, and not begin with aws or amazon, which Systems Manager keeps for itself."
  }
}

variable "tags" {
  description = "Tags for every resource."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted. Set to false, and apply, before tearing down."
  type        = bool
  default     = true
}

# What runs.

variable "package_dir" {
  description = "Folder with intake.zip, progress.zip, act.zip and sweep.zip, as scripts/package writes it."
  type        = string
}

variable "architecture" {
  description = "Processor of the functions; the packages must be built for it."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "functions" {
  description = <<-EOT
    Sizes of the functions. memory in MB; timeout in seconds; batch_size and window (seconds) say how many messages
    one call gets and how long to wait for them; concurrency is how many calls a queue may cause at once; reserved
    takes that much of the account's concurrency for the function alone.
    A large batch is what makes an alert storm cheap: alerts on one machine in one batch cost one write.
  EOT
  type = object({
    ingest = optional(object({
      memory   = optional(number, 256)
      timeout  = optional(number, 25)
      reserved = optional(number)
    }), {})
    intake = optional(object({
      memory      = optional(number, 256)
      timeout     = optional(number, 120)
      batch_size  = optional(number, 1000)
      window      = optional(number, 2)
      concurrency = optional(number, 10)
      reserved    = optional(number)
    }), {})
    progress = optional(object({
      memory      = optional(number, 256)
      timeout     = optional(number, 600)
      batch_size  = optional(number, 10)
      window      = optional(number, 1)
      concurrency = optional(number, 10)
      reserved    = optional(number)
    }), {})
    act = optional(object({
      memory      = optional(number, 256)
      timeout     = optional(number, 60)
      batch_size  = optional(number, 10)
      window      = optional(number, 0)
      concurrency = optional(number, 5)
      reserved    = optional(number)
    }), {})
    sweep = optional(object({
      memory   = optional(number, 256)
      timeout  = optional(number, 55)
      reserved = optional(number)
    }), {})
  })
  default = {}

  validation {
    condition     = alltrue([for f in values(var.functions) : f.memory >= 128 && f.memory <= 10240])
    error_message = "memory of a function must be 128 to 10240 MB."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : f.timeout >= 5 && f.timeout <= 900])
    error_message = "timeout of a function must be 5 to 900 seconds."
  }
  validation {
    condition     = alltrue([for f in [var.functions.intake, var.functions.progress, var.functions.act] : f.batch_size >= 1 && f.batch_size <= 10000 && f.window >= 0 && f.window <= 300])
    error_message = "batch_size must be 1 to 10000 and window 0 to 300 seconds."
  }
  validation {
    condition     = alltrue([for f in [var.functions.intake, var.functions.progress, var.functions.act] : f.batch_size <= 10 || f.window >= 1])
    error_message = "A batch of more than 10 messages needs a window of at least one second."
  }
  validation {
    condition     = alltrue([for f in [var.functions.intake, var.functions.progress, var.functions.act] : f.concurrency >= 2 && f.concurrency <= 1000])
    error_message = "concurrency of a queue must be 2 to 1000."
  }
}

variable "function_environment" {
  description = "More environment variables for every function, for example AWS_ENDPOINT_URL of an emulator. No secrets: they are readable by whoever may read the function's configuration."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.function_environment) : can(regex("^[A-Za-z][A-Za-z0-9_]*$", name)) && !startswith(name, "PEERHOUND_")])
    error_message = "Names must be letters, digits and _; those that begin with PEERHOUND_ are set by this module."
  }
}

variable "sts_endpoint" {
  description = "Where the functions ask AWS whose signature an approval carries, and what people therefore sign for: an STS endpoint of this region, for example that of a VPC. null: the region's own."
  type        = string
  default     = null

  validation {
    condition     = var.sts_endpoint == null || can(regex("^(https://[A-Za-z0-9.-]+(:[0-9]+)?|http://(127\\.0\\.0\\.1|localhost)(:[0-9]+)?)/?$", var.sts_endpoint))
    error_message = "sts_endpoint must be https:// with a host, and a port where it is not 443: whoever answers there says who somebody is."
  }
}

variable "log_level" {
  description = "Least level of what the functions log. Metrics travel in the log as lines of the level INFO."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO"], var.log_level)
    error_message = "log_level must be TRACE, DEBUG or INFO: above, Lambda would drop the metrics."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period that CloudWatch Logs knows, such as 30, 90, 365 or 731."
  }
}

variable "tracing" {
  description = "Whether the functions are traced by X-Ray."
  type        = bool
  default     = true
}

variable "sweep_enabled" {
  description = "Whether the sweep runs every minute. False pauses it, for example during an incident; nothing overdue is continued meanwhile."
  type        = bool
  default     = true
}

# Who may send alerts.

variable "alert_writers" {
  description = "ARNs of the IAM principals (roles, users, or account roots) that may send alerts to the queue, besides those of this account whose own policies allow it."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alert_writers : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/.+)$", arn)) && !strcontains(arn, "*")])
    error_message = "alert_writers must be full ARNs of IAM roles, users or account roots, without *."
  }
}

variable "alert_topics" {
  description = "ARNs of SNS topics that may deliver alerts to the queue."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alert_topics : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "alert_topics must be ARNs of SNS topics."
  }
}

# Relays.

variable "relays" {
  description = <<-EOT
    The relays by name, as in the policy's [[relay]] sections. platform is linux or windows. While activate is true
    there is an activation by which up to registration_limit machines can register; set it to false when they have.
    expiration (RFC 3339, at most 30 days ahead) ends the activation; without it, Systems Manager ends it after 24 hours.
  EOT
  type = map(object({
    platform           = optional(string, "linux")
    activate           = optional(bool, true)
    registration_limit = optional(number, 1)
    expiration         = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.relays) : can(regex("^[a-z0-9-]{1,32}$", name))])
    error_message = "A relay's name must be 1 to 32 of a-z, 0-9 and -."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : contains(["linux", "windows"], relay.platform)])
    error_message = "A relay's platform must be linux or windows."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : relay.registration_limit >= 1 && relay.registration_limit <= 1000])
    error_message = "A relay's registration_limit must be 1 to 1000."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : relay.expiration == null || can(formatdate("YYYY", relay.expiration))])
    error_message = "A relay's expiration must be a time such as 2030-01-31T12:00:00Z."
  }
}

variable "order_timeout_seconds" {
  description = "After this long the agent ends a batch of orders that is still running on a relay, as a last resort; the orders have limits of their own. Not above the policy's lease."
  type        = number
  default     = 7200

  validation {
    condition     = var.order_timeout_seconds >= 5 && var.order_timeout_seconds <= 172800 && floor(var.order_timeout_seconds) == var.order_timeout_seconds
    error_message = "order_timeout_seconds must be a whole number of 5 to 172800."
  }
}

# Evidence.

variable "retention_days" {
  description = "Days for which Object Lock keeps sealed evidence."
  type        = number
  default     = 365

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number of 1 to 36500."
  }
}

variable "retention_mode" {
  description = "GOVERNANCE lets a principal with s3:BypassGovernanceRetention delete earlier; COMPLIANCE lets nobody, not even the account's root."
  type        = string
  default     = "GOVERNANCE"

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.retention_mode)
    error_message = "retention_mode must be GOVERNANCE or COMPLIANCE."
  }
}

variable "evidence_expiry_days" {
  description = "Days after which evidence is deleted; null keeps it until somebody decides. Not below retention_days."
  type        = number
  default     = null

  validation {
    condition     = var.evidence_expiry_days == null ? true : var.evidence_expiry_days >= var.retention_days
    error_message = "evidence_expiry_days must not be below retention_days."
  }
}

variable "staging_days" {
  description = "Days for which what relays uploaded stays in the staging bucket."
  type        = number
  default     = 7

  validation {
    condition     = var.staging_days >= 1 && var.staging_days <= 90 && floor(var.staging_days) == var.staging_days
    error_message = "staging_days must be a whole number of 1 to 90."
  }
}

variable "access_log_bucket" {
  description = "Name of an existing bucket for the S3 server access logs of the staging and evidence buckets; null for none."
  type        = string
  default     = null
}

# Mail, tickets and findings.

variable "mail" {
  description = <<-EOT
    SES identity that mail is sent from: a domain or an address. create = false uses one that exists already. from
    limits what the act function may use as the sender's address; without it, any address of the identity.
    null: no function may send mail.
  EOT
  type = object({
    identity = string
    create   = optional(bool, true)
    from     = optional(string)
  })
  default = null

  validation {
    condition     = var.mail == null ? true : can(regex("^([^@\\s*]+@)?[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$", var.mail.identity))
    error_message = "mail.identity must be a domain or an e-mail address."
  }
  validation {
    condition     = try(var.mail.from, null) == null ? true : can(regex("^[^@\\s*]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$", var.mail.from))
    error_message = "mail.from must be an e-mail address."
  }
}

variable "ticket_secret" {
  description = "ARN of the Secrets Manager secret of the system that [ticket] of the policy names (its token, or the password of the policy's user, on one line), and of the customer-managed key it is encrypted with, if any. The act function may read this one secret; null: none."
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.ticket_secret == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.ticket_secret.arn))
    error_message = "ticket_secret.arn must be the ARN of a Secrets Manager secret, without *."
  }
}

variable "page_secret" {
  description = "The same for [page]: for PagerDuty, the integration key of the service."
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.page_secret == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.page_secret.arn))
    error_message = "page_secret.arn must be the ARN of a Secrets Manager secret, without *."
  }
}

variable "chat_secret" {
  description = "The same for [chat]: for Slack and Teams, the address of the webhook."
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.chat_secret == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.chat_secret.arn))
    error_message = "chat_secret.arn must be the ARN of a Secrets Manager secret, without *."
  }
}

variable "action_secrets" {
  description = "Secrets Manager secrets with the headers of the policy's own actions ([[action]] header_secret), by the action's name, each with the customer-managed key it is encrypted with, if any. The act function may read these and no others."
  type = map(object({
    arn         = string
    kms_key_arn = optional(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for secret in var.action_secrets : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", secret.arn))])
    error_message = "action_secrets: each arn must be the ARN of a Secrets Manager secret, without *."
  }
  validation {
    condition     = alltrue([for name in keys(var.action_secrets) : can(regex("^[a-z0-9_-]{1,32}$", name))])
    error_message = "action_secrets: each name is that of an [[action]]: 1 to 32 of a-z, 0-9, _ and -."
  }
}

variable "findings_event_bus_arn" {
  description = "ARN of the event bus that act may put findings onto: the one that [findings] event_bus of the policy names. One in another account must let this account in. null: no function may."
  type        = string
  default     = null

  validation {
    condition     = var.findings_event_bus_arn == null ? true : can(regex("^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9/._-]+$", var.findings_event_bus_arn))
    error_message = "findings_event_bus_arn must be the ARN of one event bus, without *."
  }
}

variable "door" {
  description = <<-EOT
    A door for alerts over HTTPS, or null for none. secret_arn names the Secrets Manager secret with the keys of those
    who may knock, one a line, each of 32 characters or more, and kms_key_arn the customer-managed key that it is
    encrypted with, if any. rate and burst are requests a second: what comes faster is answered 429.

    With approve, approvers whom [remediation.link] of the policy names get a mail with a link to the door. link_secret_arn
    names the secret with the key that links are signed with (32 characters or more), codes_secret_arn the one with the seeds
    of the approvers' codes, one person a line; each with its customer-managed key, if any. See docs/approvals.md.
  EOT
  type = object({
    secret_arn  = string
    kms_key_arn = optional(string)
    rate        = optional(number, 50)
    burst       = optional(number, 100)
    approve = optional(object({
      link_secret_arn   = string
      link_kms_key_arn  = optional(string)
      codes_secret_arn  = string
      codes_kms_key_arn = optional(string)
      rate              = optional(number, 5)
      burst             = optional(number, 10)
    }))
  })
  default = null

  validation {
    condition     = var.door == null ? true : can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.door.secret_arn))
    error_message = "door.secret_arn must be the ARN of a Secrets Manager secret, without *."
  }
  validation {
    condition     = var.door == null ? true : var.door.rate >= 1 && var.door.burst >= 1
    error_message = "door.rate and door.burst must be at least 1."
  }
  validation {
    condition = try(var.door.approve, null) == null ? true : alltrue([
      for arn in [var.door.approve.link_secret_arn, var.door.approve.codes_secret_arn] :
      can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", arn))
    ])
    error_message = "door.approve.link_secret_arn and codes_secret_arn must be ARNs of Secrets Manager secrets, without *."
  }
  validation {
    condition     = try(var.door.approve, null) == null ? true : var.door.approve.link_secret_arn != var.door.approve.codes_secret_arn
    error_message = "door.approve: links and codes need a secret each, since the function at the door reads the links' and must not read the codes'."
  }
  validation {
    condition     = try(var.door.approve, null) == null ? true : var.mail != null
    error_message = "door.approve needs mail: approvers get their links by it."
  }
  validation {
    condition     = try(var.door.approve, null) == null ? true : var.door.approve.rate >= 1 && var.door.approve.burst >= 1
    error_message = "door.approve.rate and burst must be at least 1."
  }
}

# Watching it.

variable "metrics_namespace" {
  description = "CloudWatch namespace of the functions' metrics. Two deployments in one region need two."
  type        = string
  default     = "Peerhound"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_./-]{0,254}$", var.metrics_namespace))
    error_message = "metrics_namespace must begin with a letter; letters, digits and _ . / - may follow."
  }
}

variable "alarm_topics" {
  description = "ARNs of SNS topics that are told of alarms; without any, alarms only show."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topics : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", arn))])
    error_message = "alarm_topics must be ARNs of SNS topics."
  }
}

variable "oldest_message_seconds" {
  description = "An alarm is raised when a message waits in a queue for longer than this, beyond the time one retry may take."
  type        = number
  default     = 900

  validation {
    condition     = var.oldest_message_seconds >= 60
    error_message = "oldest_message_seconds must be at least 60."
  }
}
