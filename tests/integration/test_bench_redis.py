"""`ctr-bench redis` from end to end, on a real Redis behind a cable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.bench import bench
from tests.support.redis_server import require_redis
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_the_redis_bench_writes_what_each_state_costs(tmp_path: Path) -> None:
    """Half a second of load a state: no request fails, and the claim's figures are there."""
    require_redis()
    bundle, out = make_tiny_bundle(tmp_path / "bundle"), tmp_path / "redis.json"
    load = ("--seconds", "0.5", "--rate", "80", "--repeats", "1")
    done = bench("redis", "--bundle", str(bundle), "--out", str(out), *load)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["feature_budget_ms"] == 5.0
    for state in ("healthy", "dead", "slow"):
        assert found[f"failed_{state}"] == 0
        rise_ms = found[f"p99_ms_{state}"] - found[f"p99_ms_without_{state}"]
        assert found[f"p99_rise_ms_{state}"] == rise_ms
        assert len(found[f"p99_rise_ms_{state}_spread"]) == 2
    assert found["recovery_s_dead"] < 30
    assert found["recovery_s_slow"] < 30
