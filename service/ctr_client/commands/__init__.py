"""One module a command. What needs gRPC is imported when a command runs, so --help is fast."""
