"""Other servers on the same graph, each in an environment of its own, without our packages."""
