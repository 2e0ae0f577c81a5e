data "headgate_vm" "by_id" {
  id = "projects/default/vms/web1"
}

data "headgate_vm" "by_name" {
  name = "web1"
}

# Where it is, as OVN says.
output "hosts" {
  value = data.headgate_vm.by_name.hosts
}
