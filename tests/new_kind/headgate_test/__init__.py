"""Kinds that only tests know."""
