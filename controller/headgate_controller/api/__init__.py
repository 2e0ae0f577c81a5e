"""The API: gRPC in front of the store, the same code for every kind."""
