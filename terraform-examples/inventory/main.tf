# What is where: a host with its zone, and a VM with an interface in each of two subnets.

terraform {
  required_providers {
    headgate = { source = "terraform.local/headgate/headgate" }
  }
}

provider "headgate" {} # HEADGATE_ENDPOINTS, HEADGATE_TOKEN and HEADGATE_PROJECT, or attributes of the same names

# The host has registered itself; this takes it over. What its agent reported stays, and `terraform destroy` gives it back.
resource "headgate_host" "h3" {
  name            = "h3"
  zone            = "north"
  labels          = { rack = "r7" }
  gateway_capable = false # no gateways here: its uplinks are slow
}

resource "headgate_vm" "router" {
  name         = "router"
  display_name = "Router of the lab"
}

resource "headgate_vpc" "lab" {
  name = "lab"
}

locals {
  sides = { left = "10.1.0.0/24", right = "10.2.0.0/24" }
}

resource "headgate_subnet" "side" {
  for_each = local.sides

  name = each.key
  vpc  = headgate_vpc.lab.id
  cidr = each.value
}

resource "headgate_port" "router" {
  for_each = local.sides

  name   = "router"
  subnet = headgate_subnet.side[each.key].id
  vm     = headgate_vm.router.id
}
