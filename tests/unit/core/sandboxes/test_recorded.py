"""Every sandbox that can be started, from its recorded processes: maker, sign, what was asked for."""

from __future__ import annotations

import pytest

from rig.places import CAPTURES
from rig.sandboxes import SANDBOXES, Startable
from stratascope.core.sandboxes.find import FoundSandbox, sandboxes
from stratascope.linux.confined import parse_confined

FOLDER = CAPTURES / "sandboxes"
SIGNS = {
    "none": "nothing tells who confined it",
    "chromium": "a part of {program}, PID {pid}, which confines itself",
    "firefox": "a part of {program}, PID {pid}, which confines itself",
    "codex": "started by {program}, PID {pid}, below {above}, PID {other}",
    "sandbox-runtime": "started by {program}, PID {pid}, below {above}, PID {other}",
}


def recorded(name: str) -> tuple[FoundSandbox, ...]:
    confined = parse_confined((FOLDER / f"{name}.txt").read_text())
    return sandboxes(confined.processes, confined.host, {})


@pytest.mark.parametrize("row", SANDBOXES, ids=lambda row: row.id)
def test_each_is_found_as_what_it_is(row: Startable) -> None:
    found = recorded(row.id)
    assert {(each.sandbox.maker, each.sandbox.group.value) for each in found} == {(row.maker, row.group)}
    shown = [each for each in found if not each.sandbox.folded]
    assert len(shown) == (2 if row.nested else 1)
    last = shown[-1]
    assert (last.asked is not None) is row.asked
    assert last.sandbox.sign.id == SIGNS.get(row.maker, "started by {program}, PID {pid}")
    assert not {pid for pid, _ in last.sandbox.members} & set(last.sandbox.helpers)
    assert all(each.sandbox.parent == last.sandbox.id for each in found if each.sandbox.folded)


def test_every_record_belongs_to_a_row() -> None:
    assert {each.stem for each in FOLDER.glob("*.txt")} == {each.id for each in SANDBOXES}


def test_what_codex_and_flatpak_were_asked_for_stands_with_them() -> None:
    (codex,) = recorded("codex")
    assert codex.sandbox.asked_text[0][0] == f"/proc/{codex.sandbox.helpers[1]}/cmdline"
    assert any('"file_system"' in text for _, text in codex.sandbox.asked_text)
    assert codex.asked is not None
    assert codex.asked.network_mode == "private"
    (flatpak,) = recorded("flatpak")
    assert flatpak.sandbox.name == "org.example.Nap"
    assert any(source.endswith(".flatpak-info") for source, _ in flatpak.sandbox.asked_text)
