"""The demonstration: terraform-examples/quickstart on a site of three hosts, proved by packets."""
