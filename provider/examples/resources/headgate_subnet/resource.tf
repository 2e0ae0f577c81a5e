resource "headgate_vpc" "shop" {
  name = "shop"
}

# An overlay subnet of a VPC, for both families.
resource "headgate_subnet" "web" {
  name        = "web"
  vpc         = headgate_vpc.shop.id
  cidr        = "10.1.0.0/24"
  ipv6_cidr   = "fd00:1::/64"
  dns_servers = ["10.1.0.53"]
  domain_name = "shop.example"
}

# A VLAN of the physical network, with the addresses that Headgate may give away.
resource "headgate_subnet" "dmz" {
  name    = "dmz"
  vlan    = { physical_network = "provider", id = 210 }
  cidr    = "198.51.100.0/24"
  gateway = "198.51.100.1"
  pools   = [{ start = "198.51.100.100", end = "198.51.100.199" }]
}
