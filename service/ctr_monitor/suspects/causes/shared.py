"""Clues and commands of several causes."""

from __future__ import annotations

from ctr_monitor.suspects.clues import above, fell, rose

ENGINE_SLOWER = rose("compute_us_token", 1.5, 2.0)
BREAKER_OPEN = above("breaker", 1.0)
"""2 is open; 1 is one that is being probed, which follows an open one."""
GATEWAY_LOST = fell("replicas_up", 0.999, 0.5)
PODS = "kubectl get pods -l app=ctr-service -o wide"
LOGS = "kubectl logs -l app=ctr-service --since=15m --tail=200"
UNDO = "kubectl rollout undo deployment/ctr-service"
