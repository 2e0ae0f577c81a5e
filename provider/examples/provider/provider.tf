terraform {
  required_providers {
    headgate = { source = "terraform.local/headgate/headgate" }
  }
}

provider "headgate" {
  endpoints = ["localhost:7443"] # or HEADGATE_ENDPOINTS
  project   = "default"          # or HEADGATE_PROJECT
  deadline  = "10m"
}
