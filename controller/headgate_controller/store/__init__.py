"""The store: intent and its log, durable in SQL; one writer thread commits, everybody else reads committed Worlds."""
