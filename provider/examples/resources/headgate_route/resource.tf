resource "headgate_vpc" "shop" {
  name = "shop"
}

resource "headgate_subnet" "web" {
  name = "web"
  vpc  = headgate_vpc.shop.id
  cidr = "10.1.0.0/24"
}

# Through two appliances in the VPC, both in use.
resource "headgate_route" "branch" {
  name        = "branch"
  vpc         = headgate_vpc.shop.id
  destination = "192.168.0.0/16"
  next_hops   = [{ ip = "10.1.0.4" }, { ip = "10.1.0.5" }]
  depends_on  = [headgate_subnet.web]
}
