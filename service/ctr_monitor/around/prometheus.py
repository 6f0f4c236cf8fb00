"""Prometheus's HTTP API: range queries and exemplars, each with a deadline."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from ctr_monitor.errors import PrometheusError
from ctr_monitor.model import Line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_monitor.around.windows import Span

MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_LINES = 20
"""Of one question: more would be no plot."""
MAX_LABEL = 200


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where it is, and how long to wait.

    Attributes:
        url: without a trailing slash, such as http://127.0.0.1:9090.
        deadline_s: for one query.
        at_once: queries in flight, so that an incident is no load of its own.
    """

    url: str
    deadline_s: float = 10.0
    at_once: int = 4


class Prometheus:
    """Asks one Prometheus. `close` when done."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(settings.at_once)
        self._session: aiohttp.ClientSession | None = None

    async def query_range(self, promql: str, span: Span) -> tuple[Line, ...]:
        """Return the series over a span, with None where a step has no value.

        Raises:
            PrometheusError: not reached, too slow, an error, or no answer of the known form.
        """
        step = span.step_s
        start = span.from_ms // 1000 // step * step
        end = -(-span.until_ms // 1000 // step) * step
        data = await self._get(
            "query_range",
            {"query": promql, "start": str(start), "end": str(end), "step": str(step)},
        )
        steps = range(start, end + 1, step)
        try:
            return tuple(_line(series, steps) for series in data["result"][:MAX_LINES])
        except (KeyError, TypeError, ValueError):
            raise PrometheusError("Prometheus answered a range query with something else") from None

    async def exemplar_traces(self, promql: str, span: Span) -> dict[str, float]:
        """Return trace id -> value of the exemplars of a query's series; largest values first.

        Raises:
            PrometheusError: as above.
        """
        window = {"start": str(span.from_ms / 1000), "end": str(span.until_ms / 1000)}
        data = await self._get("query_exemplars", {"query": promql, **window})
        try:
            found = [
                (float(exemplar["value"]), str(exemplar["labels"].get("trace_id", "")))
                for series in data
                for exemplar in series["exemplars"]
            ]
        except (KeyError, TypeError, ValueError):
            raise PrometheusError("Prometheus answered with no exemplars' list") from None
        return {trace_id: value for value, trace_id in sorted(found, reverse=True) if trace_id}

    async def values(self, promql: str, at_ms: int) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series of a query at a time; those without are left out.

        Raises:
            PrometheusError: as above.
        """
        data = await self._get("query", {"query": promql, "time": str(at_ms / 1000)})
        try:
            found = [(_labels(series), _number(series["value"][1])) for series in data["result"]]
        except (KeyError, TypeError, ValueError, IndexError):
            raise PrometheusError("Prometheus answered a query with something else") from None
        return [(labels, value) for labels, value in found if value is not None]

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _get(self, what: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 -- JSON
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.deadline_s)
            self._session = aiohttp.ClientSession(timeout=timeout)
        url = f"{self._settings.url}/api/v1/{what}"
        async with self._turns:
            try:
                # POST: a long query does not fit every proxy's idea of a URL.
                async with self._session.post(url, data=parameters) as response:
                    body = await response.content.read(MAX_ANSWER_BYTES + 1)
                    while len(body) <= MAX_ANSWER_BYTES and (
                        more := await response.content.read(MAX_ANSWER_BYTES)
                    ):
                        body += more
            except TimeoutError:
                raise PrometheusError(
                    f"Prometheus did not answer within {self._settings.deadline_s:g} s"
                ) from None
            except aiohttp.ClientError as error:
                raise PrometheusError(
                    f"Prometheus is not reached: {type(error).__name__}"
                ) from None
        return _data(body, response.status)


def _data(body: bytes, status: int) -> Any:  # noqa: ANN401 -- JSON
    if len(body) > MAX_ANSWER_BYTES:
        raise PrometheusError(f"Prometheus's answer is larger than {MAX_ANSWER_BYTES} bytes")
    try:
        answer = json.loads(body)
        if answer["status"] == "success":
            return answer["data"]
        kind = str(answer.get("errorType", "error"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PrometheusError(f"Prometheus answered HTTP {status} and no JSON of its API") from None
    raise PrometheusError(f"Prometheus refused a query: HTTP {status}, {kind}")


def _line(series: Mapping[str, Any], steps: range) -> Line:
    values = {round(float(at)): _number(text) for at, text in series["values"]}
    return Line(labels=_labels(series), points=tuple((at * 1000, values.get(at)) for at in steps))


def _labels(series: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(name)[:MAX_LABEL]: str(value)[:MAX_LABEL] for name, value in series["metric"].items()
    }


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
