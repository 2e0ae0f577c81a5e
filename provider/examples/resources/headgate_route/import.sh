terraform import headgate_route.branch projects/default/vpcs/shop/routes/branch
