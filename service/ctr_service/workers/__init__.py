"""Several gateway processes behind one port: their port, policy, line, metrics and entry point."""
