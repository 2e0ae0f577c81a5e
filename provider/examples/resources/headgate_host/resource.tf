# Hosts register themselves; this one is prepared for before its agent first connects. Others are imported.
resource "headgate_host" "h1" {
  name   = "h1"
  labels = { rack = "r7" }
  drain  = false
}
