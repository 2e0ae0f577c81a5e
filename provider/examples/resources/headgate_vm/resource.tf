resource "headgate_subnet" "dmz" {
  name    = "dmz"
  vlan    = { physical_network = "provider", id = 210 }
  cidr    = "198.51.100.0/24"
  gateway = "198.51.100.1"
}

# Headgate does not run it: it is the name under which its interfaces are found together.
resource "headgate_vm" "web1" {
  name   = "web1"
  labels = { tier = "front" }
}

resource "headgate_port" "web1" {
  name   = "web1"
  subnet = headgate_subnet.dmz.id
  vm     = headgate_vm.web1.id
}
