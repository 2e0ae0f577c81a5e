"""What the controller and the host agent both need and no domain word belongs in."""
