output "deployment" {
  value = module.peerhound.deployment
}

output "alerts_queue" {
  value = module.peerhound.queue_urls.alerts
}

output "activations" {
  value     = module.peerhound.activations
  sensitive = true
}

output "dkim_records" {
  value = module.peerhound.dkim_records
}

output "dashboard" {
  value = module.peerhound.dashboard
}
