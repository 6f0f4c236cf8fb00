"""The tokens file: what it says, what is refused, and `ctr-service token new`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from structlog.testing import CapturingLogger

from ctr_service.cli import main
from ctr_service.clock import ManualClock
from ctr_service.errors import SettingsError, UnauthenticatedError
from ctr_service.server.auth import TokenHolders
from ctr_service.server.caller_limits import CallerLimits
from ctr_service.server.token_reload import TokenReload
from ctr_service.server.tokens_file import (
    MAX_TOKENS,
    Permit,
    append_token,
    entry_of,
    hash_of,
    new_token,
    read_tokens,
)

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "ctr_canary-token"


def written(folder: Path, text: str) -> Path:
    """A tokens file."""
    path = folder / "tokens.toml"
    path.write_text(text)
    return path


def test_callers_limits_and_tokens_are_read(tmp_path: Path) -> None:
    """A caller may have two tokens, limits and methods; one without a table has no limits."""
    table = "[caller.a]\ntokens_per_second = 9\nconcurrent_lists = 2\nmethods = ['GetModel']\n"
    path = written(tmp_path, table + entry_of("a", "1") + entry_of("a", "2") + entry_of("b", "3"))
    found = read_tokens(path)
    assert found.owners == ((hash_of("1"), "a"), (hash_of("2"), "a"), (hash_of("3"), "b"))
    assert found.permits == {
        "a": Permit(CallerLimits(9, 2), frozenset({"GetModel"})),
        "b": Permit(),
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"token = '{CANARY}'", "token"),
        (f"[[token]]\ncaller = 'a'\nsha256 = '{CANARY}'", "token.0.sha256"),
        (f"[[token]]\ncaller = 'a'\nsha356 = '{CANARY}'", "token.0"),
        (f"[[token]]\ncaller = 'a'\n{CANARY}\n[[", "no TOML (at line 3"),
        (f"[caller.a]\n{CANARY} = 1", "caller"),
        ("[caller.a]\ntokens_per_second = 0", "tokens_per_second"),
        (f"[caller.'{CANARY} ']\n", "caller"),
        (entry_of("a", "1") + entry_of("b", "1"), "share one sha256"),
        ("".join(entry_of("a", str(n)) for n in range(MAX_TOKENS + 1)), str(MAX_TOKENS)),
    ],
)
def test_a_wrong_file_is_a_sentence_without_its_content(
    tmp_path: Path, text: str, part: str
) -> None:
    """The key is named; a token that was pasted into the wrong place is never repeated."""
    with pytest.raises(SettingsError) as caught:
        read_tokens(written(tmp_path, text))
    assert CANARY not in str(caught.value)
    assert part in str(caught.value)


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    """The sentence holds the command."""
    with pytest.raises(SettingsError, match="ctr-service token new"):
        read_tokens(tmp_path / "none.toml")


def test_a_token_is_appended_and_the_rest_stays(tmp_path: Path) -> None:
    """Comments, limits and the file's mode stay as they were."""
    path = written(tmp_path, "# ours\n[caller.a]\nconcurrent_lists = 2\n")
    path.chmod(0o640)
    first, second = new_token(), new_token()
    append_token(path, "a", first)
    append_token(path, "a", second)
    found = read_tokens(path)
    assert [digest for digest, _ in found.owners] == [hash_of(first), hash_of(second)]
    assert found.permits["a"].limits.concurrent_lists == 2
    assert path.read_text().startswith("# ours\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(first) > 40
    assert first != second


def test_the_command_prints_the_token_once_and_keeps_its_hash_alone(tmp_path: Path) -> None:
    """Stdout is the token and nothing else; the file never holds it."""
    path = tmp_path / "tokens.toml"
    result = CliRunner().invoke(main, ["token", "new", "search", "--file", str(path)])
    assert result.exit_code == 0, result.output
    token = result.stdout.strip()
    assert read_tokens(path).owners == ((hash_of(token), "search"),)
    assert token not in path.read_text()
    assert token not in result.stderr
    alone = CliRunner().invoke(main, ["token", "new", "search"])
    assert entry_of("search", alone.stdout.strip()) in alone.stderr


@pytest.mark.parametrize("name", ["", "a b", "-x", '"', "x" * 65])
def test_a_name_that_the_file_cannot_hold_is_a_sentence(tmp_path: Path, name: str) -> None:
    """Nothing is written for it."""
    path = tmp_path / "tokens.toml"
    result = CliRunner().invoke(main, ["token", "new", "--file", str(path), "--", name])
    assert (result.exit_code, path.exists()) == (1, False)
    assert "caller's name" in result.stderr


def test_a_full_or_broken_file_is_a_sentence(tmp_path: Path) -> None:
    """The command refuses, and the file stays."""
    text = "".join(entry_of("a", str(number)) for number in range(MAX_TOKENS))
    for content, part in ((text, "limit"), ("x = = 1", "no TOML")):
        path = written(tmp_path, content)
        result = CliRunner().invoke(main, ["token", "new", "a", "--file", str(path)])
        assert result.exit_code == 1
        assert part in result.stderr
        assert path.read_text() == content


async def test_a_reload_takes_a_good_file_and_leaves_a_wrong_one(tmp_path: Path) -> None:
    """A wrong file keeps the old tokens in force and is told in the log, without its content."""
    path = written(tmp_path, entry_of("a", "old"))
    log = CapturingLogger()
    holders = TokenHolders(read_tokens(path), ManualClock())
    reload = TokenReload(path, holders, log)
    written(tmp_path, f"[[token]]\ncaller = 'a'\nsha256 = '{CANARY}'")
    await reload()
    headers = (("authorization", "Bearer old"),)
    assert holders.identify("GetModel", lambda: headers).name == "a"
    assert [call.method_name for call in log.calls] == ["error"]
    assert CANARY not in repr(log.calls)
    written(tmp_path, entry_of("a", "new"))
    await reload()
    with pytest.raises(UnauthenticatedError):
        holders.identify("GetModel", lambda: headers)
    assert log.calls[-1].kwargs == {"callers": 1, "tokens": 1}
