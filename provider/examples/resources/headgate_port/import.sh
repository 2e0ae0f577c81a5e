terraform import headgate_port.web1 projects/default/vpcs/shop/subnets/web/ports/web1
