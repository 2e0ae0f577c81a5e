data "headgate_floating_ip" "by_id" {
  id = "projects/default/floatingIps/web1"
}

data "headgate_floating_ip" "by_name" {
  name = "web1"
}

output "ip" {
  value = data.headgate_floating_ip.by_name.ip
}
