terraform import headgate_vm.web1 projects/default/vms/web1
