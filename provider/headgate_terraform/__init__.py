"""The Terraform provider: protocol 6 on one side, the Headgate API on the other."""
