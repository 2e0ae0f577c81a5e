"""What notices that the machine has changed, so that nothing is polled."""
