# What the configuration makes of its variables; no controller is asked.
mock_provider "headgate" {}

run "each_tier_gets_a_range_of_its_own" {
  command = plan

  assert {
    condition     = [for tier in var.tiers : headgate_subnet.tier[tier].cidr] == ["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/24"]
    error_message = "The ranges are not those of the tiers, in order."
  }
}

run "a_tier_named_twice_is_refused" {
  command = plan

  variables {
    tiers = ["web", "web"]
  }

  expect_failures = [var.tiers]
}
