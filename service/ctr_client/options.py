"""Channel options of the client, each set on purpose."""

from __future__ import annotations

import json
from dataclasses import dataclass

DEFAULT_TARGET = "127.0.0.1:8500"
DEFAULT_DEADLINE_S = 1.0
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""The contract's limit; see prediction.proto."""
FIRST_RECONNECT_MS = 100
LAST_RECONNECT_MS = 5_000
NO_COMPRESSION = 0

SERVICE = "ctr.v1.PredictionService"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How the client talks to servers.

    Attributes:
        max_attempts: attempts at one call, the first included, 1 to 5; 1 never retries. All of them
            share the call's deadline.
        keepalive_s: an idle connection is probed this often; the server allows 10 s and more.
        keepalive_timeout_s: a probe unanswered for this long ends the connection.
        max_message_bytes: larger messages are refused here, before they are sent.
        own_connection: share no connection with other clients of this process. A connection stays
            with one worker of a server, so a process that sends much opens several such clients.
    """

    max_attempts: int = 4
    keepalive_s: float = 30.0
    keepalive_timeout_s: float = 5.0
    max_message_bytes: int = MAX_MESSAGE_BYTES
    own_connection: bool = False

    def channel_options(self) -> list[tuple[str, str | int]]:
        """Return them as gRPC takes them."""
        return [
            ("grpc.service_config", json.dumps(self._service_config())),
            ("grpc.enable_retries", int(self.max_attempts > 1)),
            ("grpc.max_send_message_length", self.max_message_bytes),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.keepalive_time_ms", round(self.keepalive_s * 1000)),
            ("grpc.keepalive_timeout_ms", round(self.keepalive_timeout_s * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            # A server that comes back is found within seconds; gRPC waits up to two minutes.
            ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MS),
            ("grpc.max_reconnect_backoff_ms", LAST_RECONNECT_MS),
            # Texts of a list are a few kilobytes: compressing them costs more than it saves.
            ("grpc.default_compression_algorithm", NO_COMPRESSION),
            ("grpc.use_local_subchannel_pool", int(self.own_connection)),
        ]

    def _service_config(self) -> dict[str, object]:
        method: dict[str, object] = {"name": [{"service": SERVICE}]}
        if self.max_attempts > 1:
            method["retryPolicy"] = {
                "maxAttempts": self.max_attempts,
                "initialBackoff": "0.05s",
                "maxBackoff": "0.5s",
                "backoffMultiplier": 2,
                # A server's pushback overrides the backoff. Not RESOURCE_EXHAUSTED: a retry under
                # overload makes more of it. CANCELLED: gRPC's core says so for calls that reach a
                # server in the instant of its stop (grpc/grpc#41785); scoring has no side effect.
                "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
            }
        return {
            # Every address that the name resolves to gets its share, not the first alone.
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [method],
            # When more than half of the calls fail, retries stop until it is better.
            "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        }
