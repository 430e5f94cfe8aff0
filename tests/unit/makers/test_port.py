"""The port of sandboxes: what is listed, what is said to have changed, and when it looks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from stratascope.collector.names import CONFINED
from stratascope.core.capture import Gap, GapKind, Reading
from stratascope.core.container import Container, Engine, EngineKind, EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, Event, EventKind, NoSuchContainerError, ProbeError, RawContainer
from stratascope.makers.port import SandboxesPort
from stratascope.makers.translate import translate
from unit.core.sandboxes.machine_text import agent_at_work


def machine(*sandboxes: tuple[int, str]) -> str:
    """A machine on which bubblewrap confines these: PID of the first process, and what runs in it."""
    first = {"user": 1, "mnt": 2, "pid": 3}
    facts = {"nnp": False, "seccomp": 0, "filters": 0, "bounding": "1ff", "depth": 1, "root": "/"}
    lines = [{"host": {**facts, "ns": first}, "self": 99999}]
    lines.append({"pid": 1, "ppid": 0, "start": 1, "comm": "init", "ns": first, "exe": "/sbin/init", **facts})
    for pid, word in sandboxes:
        own = {"user": pid * 10, "mnt": pid * 10 + 1, "pid": pid * 10 + 2}
        wrapper = {"pid": pid - 1, "ppid": 1, "start": pid - 1, "uid": 1000, "comm": "bwrap", "ns": first, **facts}
        lines.append({**wrapper, "exe": "/usr/bin/bwrap", "argv": ["bwrap", "--unshare-all", word]})
        inside = {"pid": pid, "ppid": pid - 1, "start": pid, "uid": 1000, "comm": word, "ns": own, **facts}
        lines.append({**inside, "depth": 2, "exe": f"/usr/bin/{word}", "argv": [word], "confined": True})
    return "".join(json.dumps(line) + "\n" for line in lines)


class Looking:
    """A machine that is looked at: its text, or what goes wrong."""

    def __init__(self, text: str) -> None:
        self.text, self.error = text, None
        self.gap: Gap | None = None
        self.looks = 0

    error: ProbeError | None

    def __call__(self) -> Reading:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return Reading(CONFINED, "/proc", None if self.gap else self.text, self.gap)


@pytest.fixture
def looking() -> Looking:
    return Looking(machine((2001, "cat"), (3001, "sleep")))


@pytest.fixture
def port(looking: Looking, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxesPort]:
    monkeypatch.setattr("stratascope.makers.port.PAUSE", 0.01)
    numbers = count()
    made = SandboxesPort(lambda: str(next(numbers)))
    made.look = looking
    yield made
    made.close()


def container(raw: RawContainer) -> Container:
    return translate(raw, Engine("sandboxes", EngineKind.SANDBOXES, ""))


def test_what_is_listed_is_a_container_without_an_engine(port: SandboxesPort) -> None:
    cat, sleep = map(container, port.list())
    assert (cat.name, cat.pid, cat.status, cat.engine) == ("cat", 2001, Status.RUNNING, "sandboxes")
    assert cat.sandbox is not None
    assert (cat.sandbox.maker, cat.sandbox.members, cat.sandbox.uid) == ("bubblewrap", ((2001, 2001),), 1000)
    assert sleep.id != cat.id == cat.sandbox.id
    assert port.describe().local


def test_an_id_stays_when_it_is_started_again(port: SandboxesPort, looking: Looking) -> None:
    before = {each.id for each in port.list()}
    looking.text = machine((4001, "cat"), (5001, "sleep"))
    again = port.list()
    assert {each.id for each in again} == before
    assert {container(each).pid for each in again} == {4001, 5001}


def test_its_text_alone_gives_it_again(port: SandboxesPort) -> None:
    for raw in port.list():
        assert container(RawContainer(raw.engine, raw.id, raw.inspect)) == container(raw)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lines":[]}', '{"lines":["x"],"first":1}', '{"lines":[1]}'])
def test_a_damaged_text_is_said_to_be_so(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        container(RawContainer("sandboxes", "x", text))


def test_changes_are_told_and_close_ends_them(port: SandboxesPort, looking: Looking) -> None:
    (cat, sleep) = (each.id for each in port.list())
    events = port.events()
    looking.text = machine((3001, "sleep"), (4001, "bash"))
    told = {next(events), next(events)}
    (bash,) = {each.id for each in port.list()} - {cat, sleep}
    assert told == {Event(EventKind.REMOVED, cat), Event(EventKind.CHANGED, bash)}
    threading.Timer(0.1, port.close).start()
    assert list(events) == []


def test_nothing_is_looked_at_while_no_process_is_started(looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratascope.makers.port.PAUSE", 0.01)
    port = SandboxesPort(lambda: "7")
    port.look = looking
    port.list()
    threading.Timer(0.5, port.close).start()
    assert list(port.events()) == []
    assert looking.looks == 2  # the list, and once when the events begin


def test_the_end_of_a_first_process_is_noticed_at_once(looking: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratascope.makers.port.PAUSE", 60.0)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    looking.text = machine((child.pid, "cat"))
    port = SandboxesPort(lambda: "7")
    port.look = looking
    (known,) = port.list()
    events = port.events()
    looking.text = machine()
    threading.Timer(0.2, child.communicate).start()  # it ends as its input does
    assert next(events) == Event(EventKind.REMOVED, known.id)
    port.close()
    assert list(events) == []


def test_a_machine_that_can_not_be_looked_at_is_said_to_be_so(port: SandboxesPort, looking: Looking) -> None:
    looking.error = ProbeError(msg("It can't be read."), "words")
    with pytest.raises(EngineError) as raised:
        port.list()
    assert raised.value.words == port.describe().error == "words"
    assert port.describe().state is EngineState.UNREACHABLE
    looking.error, looking.gap = None, Gap(GapKind.DENIED, detail="hidden")
    with pytest.raises(EngineError):
        port.list()
    looking.gap, looking.text = None, "nonsense\n"
    with pytest.raises(EngineError):
        port.list()
    looking.text = machine()
    assert port.list() == ()
    assert port.describe().state is EngineState.CONNECTED


def test_what_no_look_has_found_is_not_there(port: SandboxesPort) -> None:
    with pytest.raises(NoSuchContainerError):
        port.inspect("bwrap-cat")
    (cat, _) = port.list()
    assert port.inspect(cat.id) == cat
    with pytest.raises(NoSuchContainerError):
        port.exported(cat.id)


def test_no_descriptor_is_left(port: SandboxesPort) -> None:
    port.list()
    before = len(list(Path("/proc/self/fd").iterdir()))
    threading.Timer(0.1, port.close).start()
    assert not [event for event in port.events() if event.kind is EventKind.REMOVED]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_an_agent_runs_unconfined_is_listed_once_it_had_a_sandbox(looking: Looking) -> None:
    """One that never had any is a program like others."""
    made = SandboxesPort(lambda: "1")
    made.look = looking
    looking.text = agent_at_work(sandboxed=False).text()
    assert made.list() == ()
    looking.text = agent_at_work(sandboxed=True).text()
    (before,) = made.list()
    looking.text = agent_at_work(sandboxed=False).text()
    (now,) = made.list()
    sandbox = container(now).sandbox
    assert sandbox is not None
    assert (sandbox.free, sandbox.outside) == (True, ((60, "bash"),))
    assert before.id != now.id  # of another command
