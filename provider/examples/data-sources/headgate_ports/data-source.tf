data "headgate_ports" "web" {
  subnet = "projects/default/vpcs/shop/subnets/web"
}

output "ports" {
  value = { for port in data.headgate_ports.web.ports : port.name => port.ip }
}
