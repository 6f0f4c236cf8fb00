"""From Triton's codes and sentences, as the real server says them, to domain errors."""

from __future__ import annotations

import grpc
import pytest

from ctr_service.backend.triton_faults import ELSEWHERE, FaultKind, TritonFault, fault_of
from ctr_service.errors import (
    BackendBusyError,
    BackendFailedError,
    CtrError,
    DeadlineExceededError,
)

CODE = grpc.StatusCode


def raised(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    """What the library raises."""
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, details, None)


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (CODE.DEADLINE_EXCEEDED, "Deadline Exceeded", FaultKind.LATE),
        (CODE.UNAVAILABLE, "Request timeout expired", FaultKind.EXPIRED),
        (
            CODE.UNAVAILABLE,
            "[request id: <id_unknown>] Exceeds maximum queue size",
            FaultKind.QUEUE_FULL,
        ),
        (CODE.UNAVAILABLE, "Stream removed (Socket closed)", FaultKind.UNREACHABLE),
        (CODE.UNAVAILABLE, "failed to connect to all addresses", FaultKind.UNREACHABLE),
        (
            CODE.UNAVAILABLE,
            "Request for unknown model: 'ctr_joint' has no available versions",
            FaultKind.MODEL_GONE,
        ),
        (
            CODE.NOT_FOUND,
            "Request for unknown model: 'ctr_joint' version 7 is not found",
            FaultKind.MODEL_GONE,
        ),
        (
            CODE.INVALID_ARGUMENT,
            "inference request batch-size must be <= 32 for 'ctr_joint'",
            FaultKind.REFUSED,
        ),
        (CODE.INTERNAL, "Stub process 'ctr_joint_0_1' is not healthy.", FaultKind.FAILED),
        (CODE.CANCELLED, "", FaultKind.UNREACHABLE),
    ],
)
def test_sentences_of_the_real_server_are_told_apart(
    code: grpc.StatusCode, details: str, kind: FaultKind
) -> None:
    """One code stands for several faults; the sentence says which."""
    fault = fault_of(raised(code, details))
    assert fault.kind is kind
    assert code.name in str(fault)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.LATE, DeadlineExceededError),
        (FaultKind.EXPIRED, DeadlineExceededError),
        (FaultKind.QUEUE_FULL, BackendBusyError),
        *((kind, BackendFailedError) for kind in FaultKind if kind is not FaultKind.QUEUE_FULL),
    ],
)
def test_every_fault_is_a_domain_error(kind: FaultKind, error: type[CtrError]) -> None:
    """Late is late, a full queue is overload, all else is a failed backend; no text of Triton's."""
    if kind in {FaultKind.LATE, FaultKind.EXPIRED}:
        error = DeadlineExceededError
    made = TritonFault(kind, "secret").error()
    assert type(made) is error
    assert "secret" not in str(made)


def test_what_the_batch_brought_upon_itself_is_not_sent_elsewhere() -> None:
    """Another server would refuse or fail it too, and a late one has no time left."""
    own = {FaultKind.REFUSED, FaultKind.FAILED, FaultKind.LATE, FaultKind.EXPIRED}
    assert not own & ELSEWHERE
