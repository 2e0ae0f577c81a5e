data "headgate_subnet" "by_id" {
  id = "projects/default/vpcs/shop/subnets/web"
}

data "headgate_subnet" "by_name" {
  name = "web"
  vpc  = "projects/default/vpcs/shop"
}

output "gateway" {
  value = data.headgate_subnet.by_name.gateway
}
