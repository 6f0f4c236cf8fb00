"""The restart policy over any sequence of deaths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.limits import NS_PER_S
from ctr_service.workers.policy import RestartPolicy, Verdict

POLICY = RestartPolicy()
STEADY_NS = round(POLICY.steady_s * NS_PER_S)
WINDOW_NS = round(POLICY.start_window_s * NS_PER_S)

CHANCES = st.floats(0, 1, exclude_max=True)
GAPS_NS = st.integers(1, 2 * WINDOW_NS)
LIVES = st.lists(st.tuples(GAPS_NS, st.integers(0, 2 * STEADY_NS), CHANCES), max_size=60)


def judge(
    deaths_ns: tuple[int, ...] = (),
    *,
    now_ns: int = 0,
    served_ns: int = 0,
    starting: bool = False,
    chance: float = 0.0,
) -> Verdict:
    """One verdict of the default policy."""
    return POLICY.judge(
        deaths_ns, now_ns=now_ns, served_ns=served_ns, starting=starting, chance=chance
    )


@given(LIVES)
def test_a_wait_is_bounded_and_so_is_the_memory(lives: list[tuple[int, int, float]]) -> None:
    """However often a worker dies, the wait stays between half the first and the longest delay."""
    deaths_ns: tuple[int, ...] = ()
    now_ns = 0
    for gap_ns, served_ns, chance in lives:
        now_ns += gap_ns
        verdict = judge(deaths_ns, now_ns=now_ns, served_ns=served_ns, chance=chance)
        deaths_ns = verdict.deaths_ns
        least_s = POLICY.first_delay_s * (1 - POLICY.jitter)
        assert least_s <= verdict.delay_s <= POLICY.max_delay_s
        assert not verdict.hopeless
        assert 1 <= len(deaths_ns) <= 16
        assert deaths_ns[-1] == now_ns


@given(st.integers(1, 40))
def test_waits_double_to_the_longest(deaths: int) -> None:
    """Without chance the n-th wait of a worker that never serves is first x 2^(n-1), capped."""
    verdict = Verdict((), 0.0, hopeless=False)
    for now_ns in range(deaths):
        verdict = judge(verdict.deaths_ns, now_ns=now_ns)
    assert verdict.delay_s == min(POLICY.max_delay_s, POLICY.first_delay_s * 2 ** (deaths - 1))


@given(st.lists(st.integers(0, WINDOW_NS), max_size=10), st.integers(0, STEADY_NS), CHANCES)
def test_a_worker_that_served_long_is_forgiven(
    past: list[int], beyond_ns: int, chance: float
) -> None:
    """After a steady life the wait is that of a first death."""
    served_ns = STEADY_NS + beyond_ns
    forgiven = judge(tuple(past), now_ns=WINDOW_NS, served_ns=served_ns, chance=chance)
    assert forgiven == judge(now_ns=WINDOW_NS, served_ns=served_ns, chance=chance)


@given(st.lists(GAPS_NS, min_size=1, max_size=30))
def test_the_start_is_given_up_exactly_at_the_stated_number(gaps_ns: list[int]) -> None:
    """A start is hopeless exactly when so many deaths lie within the window that ends now."""
    deaths_ns: tuple[int, ...] = ()
    times: list[int] = []
    now_ns = 0
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        times.append(now_ns)
        verdict = judge(deaths_ns, now_ns=now_ns, starting=True)
        deaths_ns = verdict.deaths_ns
        recent = sum(time >= now_ns - WINDOW_NS for time in times)
        assert verdict.hopeless == (recent >= POLICY.start_deaths)


@given(st.lists(GAPS_NS, min_size=1, max_size=30))
def test_once_all_served_nothing_is_given_up(gaps_ns: list[int]) -> None:
    """Later deaths are waited out for ever: fewer workers are better than none."""
    deaths_ns: tuple[int, ...] = ()
    now_ns = 0
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        verdict = judge(deaths_ns, now_ns=now_ns, starting=False)
        deaths_ns = verdict.deaths_ns
        assert not verdict.hopeless
