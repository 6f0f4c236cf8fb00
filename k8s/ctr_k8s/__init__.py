"""The manifests: rendered in every combination, validated, and held against a table of must-haves."""
