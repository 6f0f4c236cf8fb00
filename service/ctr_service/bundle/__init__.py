"""The file contract with the exporter: what a bundle holds and how its parts behave."""
