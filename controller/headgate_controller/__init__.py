"""The controller: stores intent, compiles it into OVN Northbound rows, serves the API."""
