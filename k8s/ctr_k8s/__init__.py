"""The manifests: rendered in every combination, validated, held against a table of must-haves."""
