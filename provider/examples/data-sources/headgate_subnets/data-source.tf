data "headgate_subnets" "shop" {
  vpc = "projects/default/vpcs/shop"
}

output "subnets" {
  value = { for subnet in data.headgate_subnets.shop.subnets : subnet.name => subnet.cidr }
}
