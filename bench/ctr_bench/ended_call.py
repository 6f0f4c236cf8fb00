"""How a call of the generator ended: gRPC's code, and the bytes of an answer."""

from __future__ import annotations

import grpc

from ctr_bench.record import CANCELLED, OK


def ended_call(call: grpc.Future[bytes]) -> tuple[int, bytes]:
    """Return the number of the code, and the answer's bytes; none where there was no answer."""
    try:
        return OK, call.result()
    except grpc.FutureCancelledError:
        return CANCELLED, b""
    except grpc.RpcError as error:
        code: tuple[int, str] = error.code().value
        return code[0], b""
