output "floating_ip" {
  description = "Where the internet finds web1."
  value       = headgate_floating_ip.web1.ip
}

output "snat_ips" {
  description = "Who the internet sees when the other VMs of the shop call."
  value       = headgate_vpc.shop.external_subnets["internet"].snat_ips
}

output "interfaces" {
  description = "What each VM's interface must carry: the iface-id in Open vSwitch (libvirt: interfaceid), and the Ethernet address."
  value = {
    for port in [headgate_port.web1, headgate_port.web2, headgate_port.web3, headgate_port.db1, headgate_port.bank1, headgate_port.bank2] :
    port.id => { iface_id = port.iface_id, mac = port.mac, ip = port.ip }
  }
}
