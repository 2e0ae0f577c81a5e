terraform import headgate_vpc.shop projects/default/vpcs/shop
