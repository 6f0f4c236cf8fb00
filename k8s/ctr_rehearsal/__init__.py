"""A rollout rehearsal: kubectl rolls real processes out on an emulated Kubernetes API."""
