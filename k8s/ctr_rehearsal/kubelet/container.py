"""One container: its process, its probes, its restarts and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from ctr_rehearsal.errors import unsupported
from ctr_rehearsal.kubelet.health import Verdict, restart_wait_s
from ctr_rehearsal.kubelet.probes import probe_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_rehearsal.kubelet.probes import Probe
    from ctr_rehearsal.kubelet.surroundings import Surroundings
    from ctr_rehearsal.objects import Object

RAN_WELL_S = 600.0
"""A container that ran for so long starts its back-off anew."""
LEAST_AFTER_PRE_STOP_S = 2.0
"""A preStop that took the whole grace leaves the process this much."""


class Container:
    """Runs one container again and again until it is stopped. Belongs to one event loop.

    Attributes:
        state: as a containerStatus tells it.
        restarts: how often it was started again.
        started: the start-up probe passed, or there is none.
        ready: it runs and the readiness probe passes, or there is none.
        pid: of its process; None while there is none.
    """

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        spec: Object,
        pod: Object,
        command: Sequence[str],
        around: Surroundings,
        *,
        now: Callable[[], str],
        now_s: Callable[[], float],
        time_scale: float,
        changed: Callable[[], None],
        tell: Callable[[str, str], None],
    ) -> None:
        """Prepare it.

        Args:
            spec: of the container.
            pod: whose it is.
            command: program and arguments, not rewritten.
            around: what it runs in.
            now: the time as objects hold it.
            now_s: monotonic time.
            time_scale: on periods, preStop, grace and back-off.
            changed: called after each change of the attributes.
            tell: (reason, message) of an event.

        Raises:
            ApiError: a probe or a hook that the emulator does not support.
        """
        self.name = str(spec["name"])
        self.image = str(spec["image"])
        self.state: Object = {"waiting": {"reason": "ContainerCreating"}}
        self.restarts = 0
        self.started = self.ready = False
        self.pid: int | None = None
        self._command = command
        self._around = around
        self._now, self._now_s = now, now_s
        self._scale = time_scale
        self._changed, self._tell = changed, tell
        self._hook = (spec.get("lifecycle") or {}).get("preStop")
        if self._hook and not self._hook.keys() & {"sleep", "exec"}:
            raise unsupported(f"a preStop hook of kind {', '.join(self._hook)}")
        ports = around.rewriting.ports
        self._startup, self._readiness, self._liveness = (
            probe_of(spec.get(f"{kind}Probe"), pod, ports, around.run, time_scale)
            for kind in ("startup", "readiness", "liveness")
        )
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Start it, and again after each end, until `stop`."""
        crashes = 0
        while not self._stopping.is_set():
            began_s = self._now_s()
            code = await self._live()
            if self._stopping.is_set():
                return
            if self._now_s() - began_s > RAN_WELL_S * self._scale:
                crashes = 0
            crashes += 1
            self.restarts += 1
            if (wait_s := restart_wait_s(crashes) * self._scale) > 0:
                told = f"back-off {wait_s:g}s restarting {self.name}, exit code {code}"
                self._set({"waiting": {"reason": "CrashLoopBackOff", "message": told}})
                self._tell("BackOff", told)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_s)

    async def stop(self, grace_s: float) -> None:
        """Run the preStop hook, ask for the end, and insist on it after the grace.

        Args:
            grace_s: for all of it, scaled.
        """
        self._stopping.set()
        end_s = self._now_s() + grace_s
        if self.pid is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pre_stop(), grace_s)
        self._signal(signal.SIGTERM)
        left_s = max(end_s - self._now_s(), min(LEAST_AFTER_PRE_STOP_S, grace_s))
        if self.pid is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), left_s)
        if self.pid is not None:
            self._tell("Killing", f"{self.name} did not end within its grace of {grace_s:g}s")
        self.kill()

    def kill(self) -> None:
        """End its process, and all that it started, at once."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    async def _pre_stop(self) -> None:
        if self._hook is None:
            return
        if "sleep" in self._hook:
            # The process may end by itself meanwhile.
            with contextlib.suppress(TimeoutError):
                seconds = self._hook["sleep"]["seconds"] * self._scale
                await asyncio.wait_for(self._ended.wait(), seconds)
        else:
            await self._around.run(self._hook["exec"]["command"])

    async def _live(self) -> int:
        """Run one process to its end; return its exit code."""
        try:
            process = await self._around.start(self._command)
        except OSError as error:
            told = f"{self._command[0]}: {error.strerror}"
            self._set({"terminated": {"reason": "StartError", "exitCode": 128, "message": told}})
            self._tell("Failed", told)
            return 128
        self._ended.clear()
        self.pid = process.pid
        self.started = self._startup is None
        self._set({"running": {"startedAt": self._now()}}, ready=self._passes_unasked())
        probing = asyncio.create_task(self._probe())
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            self._signal(signal.SIGKILL)  # whoever it left behind
            self.pid = None
            self._ended.set()
        self.started = False
        reason = "Completed" if code == 0 else "Error"
        self._set({"terminated": {"reason": reason, "exitCode": code, "finishedAt": self._now()}})
        return code

    def _passes_unasked(self) -> bool:
        return self.started and self._readiness is None

    async def _probe(self) -> None:
        """Ask the start-up probe until it passes, then the other two."""
        if self._startup is not None:
            await self._until_started(self._startup)
        async with asyncio.TaskGroup() as group:
            if self._readiness is not None:
                group.create_task(self._follow_readiness(self._readiness))
            if self._liveness is not None:
                group.create_task(self._follow_liveness(self._liveness))

    async def _until_started(self, probe: Probe) -> None:
        verdict = Verdict()
        await asyncio.sleep(probe.delay_s)
        while True:
            verdict = verdict.after(await probe.ask(), probe.thresholds)
            if verdict.passing:
                self.started = True
                self._set(self.state, ready=self._passes_unasked())
                return
            if verdict.passing is False:
                self._kill_unhealthy("startup")
                await asyncio.Event().wait()
            await asyncio.sleep(probe.period_s)

    async def _follow_readiness(self, probe: Probe) -> None:
        verdict = Verdict()
        await asyncio.sleep(probe.delay_s)
        while True:
            verdict = verdict.after(await probe.ask(), probe.thresholds)
            if self.ready is not bool(verdict.passing):
                self._set(self.state, ready=bool(verdict.passing))
                if verdict.passing is False:
                    self._tell("Unhealthy", f"readiness probe of {self.name} failed")
            await asyncio.sleep(probe.period_s)

    async def _follow_liveness(self, probe: Probe) -> None:
        verdict = Verdict()
        await asyncio.sleep(probe.delay_s)
        while not self._stopping.is_set():
            verdict = verdict.after(await probe.ask(), probe.thresholds)
            if verdict.passing is False and not self._stopping.is_set():
                self._kill_unhealthy("liveness")
                return
            await asyncio.sleep(probe.period_s)

    def _kill_unhealthy(self, kind: str) -> None:
        self._tell("Unhealthy", f"{kind} probe of {self.name} failed; it will be restarted")
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _set(self, state: Object, *, ready: bool = False) -> None:
        self.state, self.ready = state, ready
        self._changed()
