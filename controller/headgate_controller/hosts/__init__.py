"""The controller's half of the host stream: what each host is to be, and what it says it is."""
