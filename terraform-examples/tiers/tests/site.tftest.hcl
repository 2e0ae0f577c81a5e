# On a site, by HEADGATE_ENDPOINTS; what is created is destroyed at the end, whatever the outcome.
variables {
  name = "tiers-under-test"
}

run "ids_are_known_before_anything_exists" {
  command = plan

  assert {
    condition     = endswith(output.subnets["db"].id, "/vpcs/tiers-under-test/subnets/db")
    error_message = "The id of db is ${output.subnets["db"].id}."
  }
}

run "the_gateway_of_a_tier_is_its_first_address" {
  assert {
    condition     = alltrue([for subnet in headgate_subnet.tier : subnet.gateway == cidrhost(subnet.cidr, 1)])
    error_message = "A tier has another gateway."
  }
}

run "a_tier_is_added_and_the_others_stay" {
  variables {
    tiers = ["web", "app", "db", "cache"]
  }

  assert {
    condition     = [for tier in var.tiers : output.subnets[tier].cidr] == ["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24", "10.20.3.0/24"]
    error_message = "A tier has moved."
  }

  assert {
    condition     = output.subnets["web"].id == run.the_gateway_of_a_tier_is_its_first_address.subnets["web"].id
    error_message = "The subnet of web is another one now."
  }
}
