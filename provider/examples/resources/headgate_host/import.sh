terraform import headgate_host.h1 hosts/h1
