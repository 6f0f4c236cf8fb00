"""A scripted target: `python -m ctr_bench.scripted_target --port-file FILE --service-ms 20 ...`.

No model and no score: a server whose service times, capacity, stalls and refusals are known, to
prove a harness on. It speaks ctr.v1 and Open Inference. A request whose request_id is a number has
that service time of the script; others are numbered as they come.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import grpc
import uvloop

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.bare_server import serve_methods
from ctr_bench.scripted_queue import DRAWS, KINDS, Script, ScriptedQueue
from ctr_client.options import SERVICE

if TYPE_CHECKING:
    from ctr_bench.bare_server import Context
    from ctr_bench.scripted_queue import Served

NAME, VERSION = "scripted", "scripted-1"
FULL = "the scripted queue is full"


class ScriptedTarget:
    """Answers by a script; belongs to one event loop."""

    def __init__(self, script: Script) -> None:
        self._instant = script.kind == "constant" and not script.service_ms
        self._instant = self._instant and not script.stall_length_ms
        self._queue = ScriptedQueue(script)
        self._service_ns = script.service_ns().tolist()
        self._arrived = 0
        self._answers: dict[int, bytes] = {}

    async def get_model(self, _: bytes, __: Context) -> bytes:
        """Say that no model serves."""
        return pb.GetModelResponse(name=NAME, version=VERSION, graph="scripted").SerializeToString()

    async def predict(self, raw: bytes, context: Context) -> bytes:
        """Answer one PredictClicks when the script says."""
        request = pb.PredictClicksRequest.FromString(raw)
        answer = self._answer(len(request.candidates))
        if self._instant:
            return answer
        now_ns = time.monotonic_ns()
        served = await self._served(request.request_id, context, now_ns)
        timings = pb.StageTimings(
            total_ns=served.end_ns - now_ns,
            queue_ns=served.start_ns - now_ns,
            compute_ns=served.end_ns - served.start_ns,
        )
        # Messages of protobuf are joined by joining their bytes.
        return answer + pb.PredictClicksResponse(timings=timings).SerializeToString()

    async def _served(self, request_id: str, context: Context, now_ns: int) -> Served:
        number = int(request_id) if request_id.isdigit() else self._arrived
        self._arrived += 1
        served = self._queue.arrive(now_ns, self._service_ns[number % DRAWS])
        if served is None:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, FULL)
        await asyncio.sleep((served.end_ns - time.monotonic_ns()) / 1e9)
        return served

    def _answer(self, candidates: int) -> bytes:
        if candidates not in self._answers:
            predictions = [
                pb.Prediction(
                    item_id=f"i{index}",
                    click_probability=0.1,
                    status=pb.PREDICTION_STATUS_SCORED,
                    source=pb.PREDICTION_SOURCE_MODEL,
                )
                for index in range(candidates)
            ]
            self._answers[candidates] = pb.PredictClicksResponse(
                predictions=predictions, model_name=NAME, model_version=VERSION
            ).SerializeToString()
        return self._answers[candidates]

    async def ctr_of(self, request_id: str, context: Context) -> None:
        """Wait as long as the script says; for the other protocol."""
        if not self._instant:
            await self._served(request_id, context, time.monotonic_ns())


@click.command()
@click.option("--service", type=click.Choice(KINDS), default="constant", show_default=True)
@click.option("--service-ms", type=float, default=0.0, show_default=True)
@click.option("--sigma", type=float, default=0.3, show_default=True, help="Of the lognormal.")
@click.option("--servers", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--max-waiting", type=int, help="Refuse when so many wait.")
@click.option("--stall-first-ms", type=float, default=0.0)
@click.option("--stall-every-ms", type=float, default=0.0)
@click.option("--stall-length-ms", type=float, default=0.0)
@click.option("--seed", default=0)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 is any free one.")
@click.option("--port-file", type=click.Path(path_type=Path), help="Where the port is written.")
def main(  # noqa: PLR0913 -- click passes every option as an argument
    *,
    service: str,
    service_ms: float,
    sigma: float,
    servers: int,
    max_waiting: int | None,
    stall_first_ms: float,
    stall_every_ms: float,
    stall_length_ms: float,
    seed: int,
    port: int,
    port_file: Path | None,
) -> None:
    """Serve by a script until SIGTERM, on 127.0.0.1."""
    # Imported here: tritonclient's messages take time, and tests of the class need none.
    from ctr_bench.scripted_infer import infer_methods  # noqa: PLC0415 -- see above

    script = Script(
        kind=service,
        service_ms=service_ms,
        sigma=sigma,
        servers=servers,
        max_waiting=max_waiting,
        stall_first_ms=stall_first_ms,
        stall_every_ms=stall_every_ms,
        stall_length_ms=stall_length_ms,
        seed=seed,
    )
    target = ScriptedTarget(script)
    methods = {SERVICE: {"PredictClicks": target.predict, "GetModel": target.get_model}}
    uvloop.run(serve_methods({**methods, **infer_methods(target)}, port_file, port=port))


if __name__ == "__main__":
    main()
