# Two VPCs on one physical network. "shop" has two subnets, the way to the internet and a floating IP.
# "bank" has the same address range as a subnet of "shop", and even a VM with the same address: neither sees the other.

terraform {
  required_providers {
    headgate = { source = "terraform.local/headgate/headgate" }
  }
}

provider "headgate" {} # HEADGATE_ENDPOINTS, HEADGATE_TOKEN and HEADGATE_PROJECT, or attributes of the same names

# The way out: VLAN 200 of the physical network "provider", whose router is 203.0.113.1.
resource "headgate_subnet" "internet" {
  name     = "internet"
  vlan     = { physical_network = "provider", id = 200 }
  cidr     = "203.0.113.0/24"
  gateway  = "203.0.113.1"
  pools    = [{ start = "203.0.113.10", end = "203.0.113.99" }]
  external = { mode = "nat" }
}

# --- shop

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

resource "headgate_subnet" "db" {
  name = "db"
  vpc  = headgate_vpc.shop.id
  cidr = "10.2.0.0/24"
}

resource "headgate_port" "web1" {
  name   = "web1"
  subnet = headgate_subnet.web.id
  ip     = "10.1.0.11" # asked for; of the others the platform chooses it
}

resource "headgate_port" "web2" {
  name   = "web2"
  subnet = headgate_subnet.web.id
}

resource "headgate_port" "web3" {
  name   = "web3"
  subnet = headgate_subnet.web.id
}

resource "headgate_port" "db1" {
  name   = "db1"
  subnet = headgate_subnet.db.id
}

# The internet reaches web1 at this address, and sees web1 come from it.
resource "headgate_floating_ip" "web1" {
  name            = "web1"
  external_subnet = headgate_subnet.internet.id
  port            = headgate_port.web1.id
}

# --- bank

resource "headgate_vpc" "bank" {
  name = "bank"
}

resource "headgate_subnet" "bank" {
  name = "web"
  vpc  = headgate_vpc.bank.id
  cidr = "10.1.0.0/24"
}

resource "headgate_port" "bank1" {
  name   = "bank1"
  subnet = headgate_subnet.bank.id
  ip     = "10.1.0.11" # as web1 of the shop
}

resource "headgate_port" "bank2" {
  name   = "bank2"
  subnet = headgate_subnet.bank.id
  ip     = "10.1.0.22"
}
