"""What the kubelet knows of pods beyond their objects."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class PodFacts:
    """By uid of the pod.

    Attributes:
        ready_since_s: monotonic time since when it has been ready; objects hold whole seconds.
        ports: container port -> the port of 127.0.0.1 that stands for it.
        pids: of its running containers' processes, by container.
    """

    ready_since_s: dict[str, float] = field(default_factory=dict)
    ports: dict[str, dict[int, int]] = field(default_factory=dict)
    pids: dict[str, dict[str, int]] = field(default_factory=dict)
