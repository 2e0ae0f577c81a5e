data "headgate_vpc" "by_id" {
  id = "projects/default/vpcs/shop"
}

data "headgate_vpc" "by_name" {
  name = "shop"
}

output "status" {
  value = data.headgate_vpc.by_name.status
}
