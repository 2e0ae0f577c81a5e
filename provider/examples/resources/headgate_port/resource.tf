resource "headgate_vpc" "shop" {
  name = "shop"
}

resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}

# The platform chooses the addresses.
resource "headgate_port" "web1" {
  name   = "web1"
  subnet = headgate_subnet.web.id
  vm     = "web1"
}

# These are asked for.
resource "headgate_port" "web2" {
  name   = "web2"
  subnet = headgate_subnet.web.id
  ip     = "10.1.0.20"
  mac    = "0a:00:00:00:00:20"
}

# What the VM's interface must carry in Open vSwitch; libvirt calls it interfaceid.
output "iface_id" {
  value = headgate_port.web1.iface_id
}
