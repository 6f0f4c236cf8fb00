"""Titles and features by id: where they are kept, and how they reach a request."""
