"""The host agent: keeps one hypervisor as its controller desires and reports what is."""
