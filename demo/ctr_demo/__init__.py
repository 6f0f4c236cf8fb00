"""`make demo`: a click log becomes a served model, by the commands that a person would type."""
