"""A config's queue: one of the gateway's batches at a time, refused late or when there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.triton.config import ONE_REQUEST_A_BATCH
from ctr_export.triton.violation import Violation, is_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tritonclient.grpc import model_config_pb2 as pb


def check_queue(config: pb.ModelConfig) -> Iterator[Violation]:
    """Yield what would make Triton batch, wait, or hold requests without bound."""
    where = "dynamic_batching"
    if not config.HasField(where):
        yield Violation(where, "it is missing, and with it the queue's bound and its timeouts")
        return
    batching = config.dynamic_batching
    preferred = list(batching.preferred_batch_size)
    if preferred != [ONE_REQUEST_A_BATCH]:
        wanted = f"[{ONE_REQUEST_A_BATCH}]: any other joins the gateway's batches"
        yield Violation(f"{where}.preferred_batch_size", is_not(preferred, wanted))
    delay = batching.max_queue_delay_microseconds
    if delay:
        yield Violation(f"{where}.max_queue_delay_microseconds", is_not(delay, 0))
    yield from _check_policy(f"{where}.default_queue_policy", batching.default_queue_policy)
    if batching.priority_levels:
        yield Violation(f"{where}.priority_levels", is_not(batching.priority_levels, 0))
    if config.response_cache.enable:
        yield Violation("response_cache.enable", is_not(True, "false: the gateway caches scores"))


def _check_policy(where: str, policy: pb.ModelQueuePolicy) -> Iterator[Violation]:
    if policy.timeout_action != policy.REJECT:
        name = policy.TimeoutAction.Name(policy.timeout_action)
        yield Violation(f"{where}.timeout_action", is_not(name, "REJECT"))
    if not policy.default_timeout_microseconds:
        yield Violation(
            f"{where}.default_timeout_microseconds",
            "it is 0, and while it is, Triton ignores every request's own timeout",
        )
    if not policy.allow_timeout_override:
        yield Violation(f"{where}.allow_timeout_override", is_not("false", "true"))
    if not policy.max_queue_size:
        yield Violation(f"{where}.max_queue_size", "it is 0, which is a queue without bound")
