data "headgate_port" "by_id" {
  id = "projects/default/vpcs/shop/subnets/web/ports/web1"
}

data "headgate_port" "by_name" {
  name   = "web1"
  subnet = "projects/default/vpcs/shop/subnets/web"
}

output "mac" {
  value = data.headgate_port.by_name.mac
}
