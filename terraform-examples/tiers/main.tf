# One VPC with a subnet for each tier, cut out of one range. As a module: source = "…/tiers", with the variables below.

terraform {
  required_providers {
    headgate = { source = "terraform.local/headgate/headgate" }
  }
}

variable "name" {
  description = "What the VPC is called."
  type        = string
  default     = "tiers"
}

variable "range" {
  description = "The range that the tiers share; each gets a part that is 256 times smaller."
  type        = string
  default     = "10.20.0.0/16"
}

variable "tiers" {
  description = "The tiers, in order; new ones go to the end, so that the others keep their ranges."
  type        = list(string)
  default     = ["web", "app", "db"]

  validation {
    condition     = length(var.tiers) == length(distinct(var.tiers)) && length(var.tiers) <= 256
    error_message = "Each tier is named once, and there are at most 256."
  }
}

resource "headgate_vpc" "this" {
  name = var.name
}

resource "headgate_subnet" "tier" {
  for_each = { for place, tier in var.tiers : tier => cidrsubnet(var.range, 8, place) }
  name     = each.key
  vpc      = headgate_vpc.this.id
  cidr     = each.value
}

output "subnets" {
  description = "The subnet of each tier: its id, for the ports on it, and its range."
  value       = { for tier, subnet in headgate_subnet.tier : tier => { id = subnet.id, cidr = subnet.cidr } }
}
