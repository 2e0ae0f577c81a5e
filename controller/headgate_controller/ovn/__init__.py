"""OVN's two databases: Northbound, which this controller writes, and Southbound, which it reads."""
