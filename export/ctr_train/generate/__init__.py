"""A generated click log: the demo's data, called GENERATED wherever it goes."""
