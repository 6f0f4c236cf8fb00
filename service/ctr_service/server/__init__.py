"""The gRPC edge: proto <-> types, limits, status codes, health. No scoring logic."""
