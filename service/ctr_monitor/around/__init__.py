"""What the metrics say around an incident: asked from Prometheus, read without it."""
