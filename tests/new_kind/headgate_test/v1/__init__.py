"""The API of the kinds that only tests know, generated; never edited."""
