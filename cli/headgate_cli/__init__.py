"""The command line client of the Headgate API."""
