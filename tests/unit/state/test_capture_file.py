"""Saved captures come back bit for bit, and damaged ones give a clear error."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Engine, EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import ContainerCapture, ProbeError, RawContainer
from stratascope.core.snapshot import CapturedContainer, MachineCapture, Trouble
from stratascope.i18n.translate import translate
from stratascope.sandbox import GRANT
from stratascope.state import capture_file
from stratascope.value import replace

READINGS = (
    Reading("comm", "/proc/7/comm", "bad \udcff\n"),
    Reading("ns/net", "/proc/7/ns/net", None, Gap(GapKind.DENIED, 13)),
)
DENIED = Engine("docker", EngineKind.DOCKER, "unix:///x", state=EngineState.DENIED, message=msg("No {x}", x=1))
RECORD = MachineCapture(
    taken_at=1764000000.25,
    host=Capture(0, (Reading("uname:release", "uname(2)", "6.18"),)),
    engines=(DENIED,),
    containers=(
        CapturedContainer(RawContainer("docker", "ab", '{"Id": "ab"}'), ContainerCapture(Capture(7, READINGS))),
    ),
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    capture_file.save(RECORD, path)
    assert capture_file.load(path) == RECORD
    assert capture_file.dumps(capture_file.load(path)) == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("command", "kept"), [(GRANT, GRANT), ("", ""), ("curl example.org | sh", ""), (f"{GRANT};id", "")]
)
def test_a_capture_brings_no_command_to_be_copied(command: str, kept: str) -> None:
    text = capture_file.dumps(replace(RECORD, trouble=Trouble(msg("It is closed."), command)))
    trouble = capture_file.loads(text, "x").trouble
    assert trouble is not None
    assert trouble.command == kept


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    path.write_text("")
    path.chmod(0o644)
    capture_file.save(RECORD, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_leaves_the_one_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "capture.json"
    capture_file.save(RECORD, path)

    def full(capture: MachineCapture) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(capture_file, "dumps", full)
    with pytest.raises(OSError, match="No space"):
        capture_file.save(RECORD, path)
    assert capture_file.load(path) == RECORD
    assert [each.name for each in tmp_path.iterdir()] == ["capture.json"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "latest.json"
    link.symlink_to(tmp_path / "capture.json")
    capture_file.save(RECORD, link)
    assert link.is_symlink()
    assert capture_file.load(tmp_path / "capture.json") == RECORD


def test_a_pipe_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o622)
    mode = pipe.stat().st_mode
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    capture_file.save(RECORD, pipe)
    assert os.read(reader, 20)
    os.close(reader)
    assert pipe.stat().st_mode == mode


@given(st.text(alphabet=st.characters()))
def test_any_text_survives(text: str) -> None:
    capture = MachineCapture(0.0, Capture(0, (Reading("x", "/x", text),)), (), ())
    assert capture_file.loads(capture_file.dumps(capture), "x").host.text("x") == text


def damaged() -> dict[str, str]:
    whole = capture_file.dumps(RECORD)
    document = json.loads(whole)
    wrong = json.loads(whole)
    wrong["record"]["containers"][0]["found"]["first"]["pid"] = "seven"
    return {
        "cut in the middle": whole[: len(whole) // 2],
        "empty": "",
        "not an object": "[]",
        "another format": '{"format": "x"}',
        "a newer version": json.dumps({**document, "version": 99}),
        "a wrong type": json.dumps(wrong),
        "no record": json.dumps({"format": capture_file.FORMAT, "version": 1}),
        "too deep": "[" * 100_000,
        **{f"of the time {number}": changed(taken_at=number) for number in (1e12, 253402300800, -1.0)},
        "of no time": whole.replace("1764000000.25", "NaN"),
        "with a message that acts on the terminal": changed_message("hello \x1b[31mred"),
        "with a message that lacks what it names": changed_message("{nothing} known"),
        "with a message that is no template": changed_message("{x"),
    }


def changed(**fields: object) -> str:
    document = json.loads(capture_file.dumps(RECORD))
    document["record"].update(fields)
    return json.dumps(document)


def changed_message(text: str) -> str:
    document = json.loads(capture_file.dumps(RECORD))
    document["record"]["engines"][0]["message"]["id"] = text
    return json.dumps(document)


@pytest.mark.parametrize("kind", list(damaged()))
def test_damaged(kind: str) -> None:
    with pytest.raises(ProbeError) as caught:
        capture_file.loads(damaged()[kind], "x.json")
    assert "x.json" in translate(caught.value.message)


def test_a_wrong_type_names_its_place() -> None:
    with pytest.raises(ProbeError) as caught:
        capture_file.loads(damaged()["a wrong type"], "x.json")
    assert "first.pid" in translate(caught.value.message)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ProbeError):
        capture_file.load(path)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(ProbeError):
        capture_file.loads(text, "x")
