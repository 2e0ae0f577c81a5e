terraform import headgate_floating_ip.web1 projects/default/floatingIps/web1
