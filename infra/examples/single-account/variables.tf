variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "package_dir" {
  type    = string
  default = "../../../dist"
}

variable "relays" {
  description = "See the module's variable."
  type = map(object({
    platform           = optional(string, "linux")
    activate           = optional(bool, true)
    registration_limit = optional(number, 1)
    expiration         = optional(string)
  }))
  default = {}
}

variable "alert_writers" {
  type    = list(string)
  default = []
}

variable "alert_topics" {
  type    = list(string)
  default = []
}

variable "mail" {
  type = object({
    identity = string
    create   = optional(bool, true)
    from     = optional(string)
  })
  default = null
}

variable "ticket_secret" {
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null
}

variable "page_secret" {
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null
}

variable "chat_secret" {
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null
}

variable "findings_event_bus_arn" {
  type    = string
  default = null
}

variable "retention_days" {
  type    = number
  default = 365
}

variable "alarm_addresses" {
  type    = list(string)
  default = []
}

variable "deletion_protection" {
  type    = bool
  default = true
}
