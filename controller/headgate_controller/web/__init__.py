"""What the controller serves by HTTP, besides its API: its health, its metrics, and states for Terraform."""
