"""What Alertmanager says, and which incident it belongs to."""
