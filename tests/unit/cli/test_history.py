"""`history` as its users meet it: what was recorded, in text and JSON, without any engine."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from rig.cli.command_line import run
from stratascope.core.history.entry import (
    Batch,
    Exposed,
    HistoryEntry,
    Limits,
    Made,
    Part,
    PartKind,
    Run,
    Subject,
    Unlike,
    UsageRow,
    WatchSpan,
)
from stratascope.state.history import FileHistory

WEB, DB = Subject("docker", "web"), Subject("podman-rootless", "db")
HOUR = 3600.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two hours of two containers; one of them is well."""
    store = FileHistory(tmp_path / "stratascope" / "history")
    assert store.claim()
    now = time.time()
    store.write(
        batch(
            now,
            now - 2 * HOUR,
            WEB,
            (PartKind.MADE, Made("a" * 64)),
            (PartKind.RUN, Run("running", now - 9e5)),
            (PartKind.SETTINGS, ("--memory 64m",)),
            (PartKind.LIMITS, Limits(memory=64 << 20)),
            (PartKind.EXPOSED, Exposed(4.1, 3.0)),
            (PartKind.THREATS, ()),
            (PartKind.DRIFT, ()),
            used=(UsageRow(now - HOUR, 60.0, memory=float(8 << 20), memory_peak=float(9 << 20)),),
        )
    )
    store.write(batch(now, now - 1800, WEB, (PartKind.SETTINGS, ("--memory 128m", "--cap-add SYS_ADMIN")),
                      (PartKind.EXPOSED, Exposed(9.4, 9.1)), (PartKind.THREATS, ("load-module",)),
                      (PartKind.DRIFT, (Unlike("sh", "exec", ("capabilities.effective",)),))))  # fmt: skip
    store.write(batch(now, now - 60, WEB, (PartKind.RUN, Run("running", now - 61))))
    store.write(batch(now, now - 2 * HOUR, DB, (PartKind.MADE, Made("b" * 64)), (PartKind.RUN, Run("running", 1.0))))
    store.close()
    return tmp_path


def batch(
    now: float, at: float, subject: Subject, *parts: tuple[PartKind, Part], used: tuple[UsageRow, ...] = ()
) -> Batch:
    entries = tuple((subject, HistoryEntry(at, kind, part)) for kind, part in parts)
    return Batch(WatchSpan(now - 3 * HOUR, now), entries, tuple((subject, each) for each in used))


def history(state: Path, *words: str) -> tuple[int, str, str]:
    done = run("history", *words, XDG_STATE_HOME=str(state))
    return done.returncode, done.stdout, done.stderr


def told(state: Path, *words: str) -> dict[str, Any]:
    code, out, err = history(state, "--json", *words)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("text", ["yesterday", "2020-01-31"])
def test_since_a_day(state: Path, text: str) -> None:
    assert len(told(state, f"--since={text}")["containers"]) == 2
    assert told(state, f"--since={text}")["since"] < told(state, "--since=1h")["since"]


def test_all(state: Path) -> None:
    """What changed over all containers: both were there when the recording began, one became worse."""
    code, out, err = history(state, "--all", "--since", "1h")
    assert (code, err) == (0, "")
    for part in ("1 worse, 0 new, 0 better, 0 gone", "Worse", "4.1 → 9.4", "web  docker", "SYS_ADMIN was added",
                 "A session (sh) differs from the first process", "not known who"):  # fmt: skip
        assert part in out
    assert "db" not in out
    found = told(state, "--all", "--since", "1h")
    assert found["counts"] == {"worse": 1, "new": 0, "better": 0, "gone": 0, "other": 0}
    (row,) = found["changes"]
    assert (row["direction"], row["before"], row["after"], row["who"]) == ("worse", 4.1, 9.4, None)
    assert row["containers"] == [{"engine": "docker", "name": "web"}]
    assert row["gained"] == ["--memory 128m", "--cap-add SYS_ADMIN"]
    assert (row["opened"], row["restarts"], row["layer"]) == (["load-module"], 1, "capabilities")
    assert told(state, "--all", "--engine", "podman-rootless")["changes"] == []


def test_all_and_a_name(state: Path, tmp_path: Path) -> None:
    code, out, err = history(state, "--all", "web")
    assert (code, out) == (2, "")
    assert "exclude each other" in err
    empty = tmp_path / "empty"
    assert history(empty, "--all")[1].startswith("Nothing is recorded yet")
    assert told(empty, "--all")["changes"] == []


def test_text(state: Path) -> None:
    code, out, err = history(state)
    assert (code, err) == (0, "")
    for part in ("web  docker", "exposure 4.1 → 9.4", "--memory 64m → --memory 128m", "+ --cap-add SYS_ADMIN",
                 "Now open: load a kernel module", "A session (sh) differs from the first process: Capabilities",
                 "Restarted", "Memory: at most 9 MiB of 64 MiB", "Without a change: 1"):  # fmt: skip
        assert part in out
    assert "db" not in out


def test_one_by_name_or_id(state: Path) -> None:
    for word in ("db", "bbbbbb", "b" * 64):
        code, out, _ = history(state, word)
        assert code == 0
        assert out.startswith("db  podman-rootless")
        assert "Without a change" not in out
    assert history(state, "db", "--engine", "docker")[0] == 2


def test_json(state: Path) -> None:
    """The contract: names of fields stay."""
    found = told(state)
    assert found["schema"] == 1
    assert [each["name"] for each in found["containers"]] == ["db", "web"]
    web = found["containers"][1]
    assert (web["engine"], web["id"], web["status"], web["restarts"]) == ("docker", "a" * 64, "running", 1)
    assert web["exposure"] == {
        "before": {"worst": 4.1, "at_best": 3.0, "root": False},
        "now": {"worst": 9.4, "at_best": 9.1, "root": False},
    }
    kinds = [each["what"] for each in web["changes"]]
    assert kinds == ["first-seen", "settings", "exposure", "threats-opened", "drift", "restarted"]
    settings, exposure, opened, drift = web["changes"][1:5]
    assert (settings["plus"], settings["minus"]) == (["--memory 128m", "--cap-add SYS_ADMIN"], ["--memory 64m"])
    assert (exposure["before"], exposure["after"]) == (4.1, 9.4)
    assert opened["plus"] == ["load-module"]
    assert drift["processes"] == [{"command": "sh", "kind": "exec", "drift": ["capabilities.effective"]}]
    assert web["use"]["memory"] == {"now": 8 << 20, "peak": 9 << 20, "limit": 64 << 20}
    assert web["use"]["cpu"] == {"now": None, "peak": None, "limit": None}
    assert 7000 < web["watched_seconds"] < 7300


def test_how_far_back(state: Path) -> None:
    recent = told(state, "web", "--since", "10m")["containers"][0]
    assert [each["what"] for each in recent["changes"]] == ["restarted"]
    assert recent["exposure"]["before"]["worst"] == 9.4
    assert len(told(state, "web", "--since", "all")["containers"][0]["changes"]) == 6


@pytest.mark.parametrize(
    "text", ["", "1", "d", "0d", "-1d", "1x", "1.5h", "1 d", "tomorrow", "2999-01-01", "2026-13-01", "٣d"]
)
def test_a_time_that_is_none(state: Path, text: str) -> None:
    code, out, err = history(state, f"--since={text}")
    assert (code, out) == (2, "")
    assert "30m, 12h, 1d, 2w" in err


def test_nothing_yet(tmp_path: Path) -> None:
    code, out, err = history(tmp_path)
    assert (code, err) == (0, "")
    assert "Nothing is recorded yet" in out
    assert told(tmp_path)["containers"] == []
    code, out, err = history(tmp_path, "web")
    assert (code, out) == (2, "")
    assert "Nothing is recorded about web" in err
    assert list(tmp_path.iterdir()) == []


def test_a_history_that_can_not_be_read(state: Path) -> None:
    """One line that says why, and no traceback."""
    path = state / "stratascope" / "history" / "history.db"
    path.write_bytes(os.urandom(5000))
    code, out, err = history(state)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "history.db" in err


def test_names_are_plain_text(tmp_path: Path) -> None:
    store = FileHistory(tmp_path / "stratascope" / "history")
    assert store.claim()
    now = time.time()
    evil = Subject("docker", "a\x1b[2Jb")
    store.write(
        batch(now, now - 60, evil, (PartKind.RUN, Run("running", 1.0)), (PartKind.SETTINGS, ("--a \x1b]0;x\x07",)))
    )
    store.write(batch(now, now - 30, evil, (PartKind.SETTINGS, ("-v /\u202e/x:/\x07",))))
    store.close()
    code, out, _ = history(tmp_path)
    assert code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
