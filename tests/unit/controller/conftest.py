"""Puts this folder on the import path, so that tests below it find what is shared here."""
