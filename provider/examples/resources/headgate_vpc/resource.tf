# An external subnet, behind whose addresses the VPC reaches the internet.
resource "headgate_subnet" "internet" {
  name     = "internet"
  vlan     = { physical_network = "provider", id = 200 }
  cidr     = "203.0.113.0/24"
  gateway  = "203.0.113.1"
  external = { mode = "nat" }
}

resource "headgate_vpc" "shop" {
  name             = "shop"
  display_name     = "The shop"
  labels           = { team = "web" }
  external_subnets = { internet = { subnet = headgate_subnet.internet.id } }
}
