"""The public API, generated from proto/headgate/v1; never edited."""
