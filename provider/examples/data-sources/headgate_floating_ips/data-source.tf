data "headgate_floating_ips" "all" {
  project = "default"
}

output "floating_ips" {
  value = { for floating_ip in data.headgate_floating_ips.all.floating_ips : floating_ip.name => floating_ip.ip }
}
