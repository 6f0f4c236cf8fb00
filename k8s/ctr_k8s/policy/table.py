"""The table: every must-have, in groups."""

from __future__ import annotations

from ctr_k8s.policy.containers import CONTAINERS
from ctr_k8s.policy.gateway import GATEWAYS
from ctr_k8s.policy.network import NETWORK
from ctr_k8s.policy.pods import PODS
from ctr_k8s.policy.rollout import ROLLOUT

MUST_HAVES = (*PODS, *CONTAINERS, *ROLLOUT, *GATEWAYS, *NETWORK)
