"""When a dead worker is started again, and when the start is given up: pure, over given times."""

from __future__ import annotations

from dataclasses import dataclass

from ctr_service.limits import NS_PER_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows a death.

    Attributes:
        deaths_ns: the deaths that the next judgement needs, oldest first.
        delay_s: wait this long before the next start.
        hopeless: the start should be given up instead.
    """

    deaths_ns: tuple[int, ...]
    delay_s: float
    hopeless: bool


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Exponential back-off with jitter for one worker.

    Attributes:
        first_delay_s: the longest wait after a first death; it doubles with each further one.
        max_delay_s: where the doubling ends.
        jitter: the part of a wait that chance may take away, so that workers that died together do
            not load the model together again.
        steady_s: a worker that served this long is forgiven its past.
        start_deaths: as many deaths within the window, and the start is given up.
        start_window_s: wide, because a large model may take a minute to die.
    """

    first_delay_s: float = 0.5
    max_delay_s: float = 30.0
    jitter: float = 0.5
    steady_s: float = 60.0
    start_deaths: int = 5
    start_window_s: float = 600.0

    def judge(
        self,
        deaths_ns: tuple[int, ...],
        *,
        now_ns: int,
        served_ns: int,
        starting: bool,
        chance: float,
    ) -> Verdict:
        """Judge the death that happened now.

        Args:
            deaths_ns: what the last verdict said; empty before the first death.
            now_ns: the time of the death, on a monotonic clock.
            served_ns: how long this life served; 0 when it never did.
            starting: the workers have not all served yet.
            chance: in [0, 1), drawn for this death.
        """
        past = () if served_ns >= self.steady_s * NS_PER_S else deaths_ns
        deaths = (*past, now_ns)[-self._memory :]
        since_ns = now_ns - self.start_window_s * NS_PER_S
        recent = sum(death >= since_ns for death in deaths)
        longest_s = min(self.max_delay_s, self.first_delay_s * 2.0 ** (len(deaths) - 1))
        return Verdict(
            deaths_ns=deaths,
            delay_s=longest_s * (1 - self.jitter * chance),
            hopeless=starting and recent >= self.start_deaths,
        )

    @property
    def _memory(self) -> int:
        """Deaths to remember: enough for the count, and for the doubling to reach its end."""
        doublings = max(1.0, self.max_delay_s / self.first_delay_s)
        return max(self.start_deaths, int(doublings).bit_length() + 1)
