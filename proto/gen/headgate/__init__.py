"""Headgate: open network virtualization as code."""
