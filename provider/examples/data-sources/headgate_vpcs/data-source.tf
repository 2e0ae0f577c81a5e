data "headgate_vpcs" "shared" {
  filter = "labels.team = web"
}

output "vpcs" {
  value = { for vpc in data.headgate_vpcs.shared.vpcs : vpc.name => vpc.display_name }
}
