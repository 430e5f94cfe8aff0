"""Real sandboxes are found, by the sign that is said, with what was asked for; nothing else is made of them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import stratascope.collector.maker_files
from rig.sandboxes import SANDBOXES, Startable, Started, descendants, missing, started
from stratascope.collector.host import read_host
from stratascope.collector.names import CONFINED
from stratascope.core.sandboxes.find import FoundSandbox, sandboxes
from stratascope.linux.confined import parse_confined

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
ROWS = [pytest.param(each, id=each.id, marks=() if each.quick else (pytest.mark.slow,)) for each in SANDBOXES]


def found_of(run: Started) -> list[FoundSandbox]:
    """What is found of what was started: sandboxes with a process of it."""
    ((_, _, text),) = read_host([CONFINED])
    confined = parse_confined(text)
    below = {*descendants(run.top), run.sleeper}
    every = sandboxes(confined.processes, confined.host, {})
    return [each for each in every if below.intersection((*each.sandbox.pids, *each.sandbox.helpers))]


@pytest.mark.parametrize("row", ROWS)
def test_each_is_found_as_what_it_is(row: Startable, tmp_path: Path) -> None:
    if missing(row):
        pytest.skip(missing(row))
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    with started(row, tmp_path) as run:
        found = found_of(run)
    shown = [each for each in found if not each.sandbox.folded]
    assert {(each.sandbox.maker, each.sandbox.group.value) for each in found} == {(row.maker, row.group)}
    assert len(shown) == (2 if row.nested else 1)
    last = shown[-1]
    assert (last.asked is not None) is row.asked
    assert row.titled or run.sleeper in last.sandbox.pids
    assert row.titled or last.sandbox.pids == (run.sleeper,) or row.maker == "flatpak"
    assert (last.sandbox.parent == shown[0].sandbox.id) is row.nested
    again = parse_confined("\n".join(last.sandbox.processes))
    assert last.sandbox.members in [each.sandbox.members for each in sandboxes(again.processes, again.host, {})]


@pytest.mark.slow
def test_of_a_task_of_containerd_its_config_says_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = next(each for each in SANDBOXES if each.id == "containerd")
    if missing(row):
        pytest.skip(missing(row))
    state = tmp_path / "state"
    # its API socket is below, as is usual; the shim is told of that
    command = replace(row, command=lambda folder, words: _below(row.command(folder, words), folder, state))
    monkeypatch.setattr(stratascope.collector.maker_files, "STATES", (str(state),))
    with started(command, tmp_path) as run:
        (found,) = found_of(run)
    assert found.asked is not None
    assert found.asked.capabilities is not None
    assert "CAP_SYS_ADMIN" not in found.asked.capabilities
    assert found.asked.network_mode == "private"
    text = dict(found.sandbox.asked_text)[
        f"{state}/io.containerd.runtime.v2.task/default/{found.sandbox.name}/config.json"
    ]
    assert '"env"' not in text
    assert "PATH=" not in text


def _below(words: list[str], folder: Path, state: Path) -> list[str]:
    socket, file = f"{folder}/c.sock", folder / "config.toml"
    file.write_text(file.read_text().replace(socket, f"{state}/c.sock"))
    return [word.replace(socket, f"{state}/c.sock") for word in words]
