data "headgate_route" "by_id" {
  id = "projects/default/vpcs/shop/routes/branch"
}

data "headgate_route" "by_name" {
  name = "branch"
  vpc  = "projects/default/vpcs/shop"
}

output "next_hops" {
  value = data.headgate_route.by_name.next_hops
}
