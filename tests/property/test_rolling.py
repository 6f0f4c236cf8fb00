"""Whatever becomes of the pods, a rollout keeps both of its bounds, and ends when they behave."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ctr_rehearsal.control.replicas import PodView, pods_to_delete, pods_to_make
from ctr_rehearsal.control.rolling import ReplicaCount, Strategy, next_replicas, strategy_of

STEPS = 400


@dataclass
class Simulated:
    """ReplicaSets whose pods become available, or break, as hypothesis says."""

    strategy: Strategy
    wanted: dict[str, int]
    available: dict[str, int]
    seen_total: int = 0
    least_available: list[int] = field(default_factory=list)

    def counts(self) -> tuple[ReplicaCount, list[ReplicaCount]]:
        """Return the new ReplicaSet and the old ones."""
        new, *old = (ReplicaCount(n, w, self.available[n]) for n, w in self.wanted.items())
        return new, old

    def step(self) -> bool:
        """Take one step of the controller; say whether anything changed."""
        new, old = self.counts()
        changed = next_replicas(self.strategy, new, old)
        for name, replicas in changed.items():
            # Pods that are not available go first, as a ReplicaSet ranks them.
            self.available[name] = min(self.available[name], replicas)
            self.wanted[name] = replicas
        return bool(changed)


strategies = st.builds(
    strategy_of,
    st.integers(1, 12),
    st.one_of(st.integers(0, 5), st.integers(0, 100).map("{}%".format)),
    st.one_of(st.integers(0, 5), st.integers(0, 100).map("{}%".format)),
)


@given(strategies, st.integers(0, 2), st.randoms(use_true_random=False))
def test_a_rollout_keeps_its_bounds_and_ends(strategy: Strategy, olds: int, random) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 -- random.Random
    """At most replicas + maxSurge, at least replicas - maxUnavailable, and all new at last."""
    wanted = {"new": 0, "old-0": strategy.replicas, **{f"old-{i}": 0 for i in range(1, olds + 1)}}
    world = Simulated(strategy, wanted, dict(wanted))
    least = strategy.replicas - strategy.max_unavailable
    for _ in range(STEPS):
        moved = world.step()
        assert sum(world.wanted.values()) <= strategy.replicas + strategy.max_surge
        assert sum(world.available.values()) >= least
        missing = world.wanted["new"] - world.available["new"]
        if missing:
            world.available["new"] += random.randint(1, missing)
        elif not moved:
            break
    assert world.wanted["new"] == strategy.replicas
    assert sum(world.wanted.values()) == strategy.replicas


@given(strategies)
def test_new_pods_that_never_come_up_take_no_more_than_was_allowed(strategy: Strategy) -> None:
    """A bad rollout stops by itself: replicas - maxUnavailable old pods stay available."""
    wanted = {"new": 0, "old": strategy.replicas}
    world = Simulated(strategy, wanted, dict(wanted))
    for _ in range(STEPS):
        if not world.step():
            break
    assert world.available["old"] >= strategy.replicas - strategy.max_unavailable
    assert sum(world.wanted.values()) <= strategy.replicas + strategy.max_surge


@given(st.integers(1, 20), st.integers(0, 30), st.integers(0, 30))
def test_old_pods_that_are_broken_go_first(replicas: int, broken: int, whole: int) -> None:
    """They cost no availability, so they need not wait for new pods."""
    strategy = strategy_of(replicas, 1, 0)
    old = ReplicaCount("old", min(replicas, broken + whole), min(replicas, whole))
    new = ReplicaCount("new", replicas + 1 - old.wanted, 0)
    if new.wanted > replicas or new.wanted < 0:
        return
    changed = next_replicas(strategy, new, [old])
    assert changed.get("old", old.wanted) >= min(old.available, old.wanted)


pods = st.lists(
    st.builds(
        PodView,
        name=st.uuids().map(str),
        owner=st.just("set"),
        node=st.sampled_from(("", "a", "b")),
        ready=st.booleans(),
        ready_since_s=st.floats(0, 100),
        deleting=st.booleans(),
        made_s=st.floats(0, 100),
    ),
    max_size=12,
)


@given(st.integers(0, 12), pods)
def test_a_replica_set_makes_or_deletes_what_is_missing_or_surplus(
    wanted: int, pods: list[PodView]
) -> None:
    """Afterwards so many pods stay as are wanted, and a ready one goes only when no other can."""
    staying = [pod for pod in pods if not pod.deleting]
    made, deleted = pods_to_make(wanted, pods), set(pods_to_delete(wanted, pods))
    assert len(staying) + made - len(deleted) == wanted
    assert not made or not deleted
    gone = [pod for pod in staying if pod.name in deleted]
    kept = [pod for pod in staying if pod.name not in deleted]
    if any(pod.ready and pod.node for pod in gone):
        assert all(pod.ready and pod.node for pod in kept)
