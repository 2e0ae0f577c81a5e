terraform import headgate_subnet.web projects/default/vpcs/shop/subnets/web
