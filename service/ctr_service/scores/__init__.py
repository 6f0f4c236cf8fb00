"""Scores that are known or on their way: the cache, and rows computed once for all who wait."""
