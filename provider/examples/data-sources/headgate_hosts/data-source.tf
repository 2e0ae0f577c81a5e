data "headgate_hosts" "rack" {
  filter = "labels.rack = r7"
}

output "hosts" {
  value = { for host in data.headgate_hosts.rack.hosts : host.name => host.tunnel_ip }
}
