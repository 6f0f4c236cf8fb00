"""The gateway: one query, one user, N candidates in; a click probability for each out."""
