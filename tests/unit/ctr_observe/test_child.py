"""Servers as children: what is said when one does not start, and that none is left behind."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ctr_observe.child import Child, running
from ctr_observe.cli import main
from ctr_observe.errors import ObserveError
from ctr_observe.interrupting import signals_raise
from tests.support.alerting_tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = "import sys, time; print('Listening on 127.0.0.1:1', flush=True); time.sleep(600)"


def _python(code: str, log: Path) -> Child:
    return Child("the server", (sys.executable, "-c", code), log)


def test_a_server_is_waited_for_by_what_it_says_and_stopped(tmp_path: Path) -> None:
    """Its line is found, and the block's end ends it."""
    with running(_python(SLEEPER, tmp_path / "log")) as child:
        assert child.wait_for(r"Listening on (\S+)")[1] == "127.0.0.1:1"
    assert child.process.poll() is not None


def test_a_server_that_ends_at_its_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    """The sentence has the exit code and what it said."""
    with (
        running(
            _python("import sys; print('no such bundle'); sys.exit(3)", tmp_path / "log")
        ) as child,
        pytest.raises(ObserveError, match=r"the server ended with exit code 3 .* no such bundle"),
    ):
        child.wait_for("Listening")


def test_a_program_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """The package to install is named where we know it."""
    with pytest.raises(ObserveError, match=r"no-such-program is not installed$"):
        Child("it", ("no-such-program",), tmp_path / "log")


def test_the_first_signal_unwinds_and_a_second_one_does_not_disturb() -> None:
    """SIGTERM raises; another during the unwinding is ignored; the handlers come back."""

    def disturbed() -> None:
        with signals_raise():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        disturbed()
    assert signal.getsignal(signal.SIGTERM) is before


def test_observing_without_a_bundle_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is started, and the sentence says how to get one."""
    slo = str(ROOT / "k8s" / "alerts" / "slo.yaml")
    result = CliRunner().invoke(main, ["--bundle", str(tmp_path), "--slo", slo])
    assert result.exit_code == 1
    assert f"{tmp_path} is no bundle; `make demo` makes one" in result.output
