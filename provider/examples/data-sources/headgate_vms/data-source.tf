data "headgate_vms" "front" {
  filter = "labels.tier = front"
}

output "vms" {
  value = { for vm in data.headgate_vms.front.vms : vm.name => vm.addresses }
}
