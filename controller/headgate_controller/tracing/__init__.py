"""Tracing: which packet to ask about, and what the answer of ovn-trace means. Pure."""
