resource "headgate_subnet" "internet" {
  name     = "internet"
  vlan     = { physical_network = "provider", id = 200 }
  cidr     = "203.0.113.0/24"
  gateway  = "203.0.113.1"
  external = { mode = "nat" }
}

resource "headgate_vpc" "shop" {
  name             = "shop"
  external_subnets = { internet = { subnet = headgate_subnet.internet.id } }
}

resource "headgate_route" "default" {
  name        = "default"
  vpc         = headgate_vpc.shop.id
  destination = "0.0.0.0/0"
  next_hops   = [{ external_subnet = headgate_subnet.internet.id }]
}

resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}

resource "headgate_port" "web1" {
  name   = "web1"
  subnet = headgate_subnet.web.id
}

# The internet reaches web1 at this address.
resource "headgate_floating_ip" "web1" {
  name            = "web1"
  external_subnet = headgate_subnet.internet.id
  port            = headgate_port.web1.id
}

output "address" {
  value = headgate_floating_ip.web1.ip
}
