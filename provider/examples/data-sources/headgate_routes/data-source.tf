data "headgate_routes" "shop" {
  vpc = "projects/default/vpcs/shop"
}

output "routes" {
  value = { for route in data.headgate_routes.shop.routes : route.name => route.destination }
}
