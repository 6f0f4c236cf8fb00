"""A rollout rehearsal: an emulator of the Kubernetes API under which kubectl rolls real processes."""
