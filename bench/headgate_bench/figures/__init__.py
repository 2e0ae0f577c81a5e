"""The figures: one module each, found by being there."""
