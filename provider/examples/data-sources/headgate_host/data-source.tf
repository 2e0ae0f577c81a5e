data "headgate_host" "by_id" {
  id = "hosts/h1"
}

data "headgate_host" "by_name" {
  name = "h1"
}

output "agent_version" {
  value = data.headgate_host.by_name.agent_version
}
