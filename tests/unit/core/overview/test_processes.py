"""The tree of processes, on a capture of real containers: one hardened with a session in it, one with threads."""

from __future__ import annotations

import pytest

from rig.places import CAPTURES
from stratascope.core.capture import Capture, Reading
from stratascope.core.overview.processes import Process, processes_of
from stratascope.core.snapshot import ContainerState, ProcessState, Snapshot
from stratascope.layers import all_layers
from stratascope.presentation import processes as words
from stratascope.state import capture_file
from stratascope.usecases.end_session import of_session
from stratascope.usecases.live.assembler import Assembler
from stratascope.value import replace
from stratascope.wiring.engines import translations

SAVED = CAPTURES / "processes" / "docker.json"
STATUS = (
    "Name:\t{name}\nState:\tS (sleeping)\nTgid:\t{pid}\nPPid:\t{parent}\nUid:\t0\t0\t0\t0\nNSpid:\t{pid}\t{inside}\n"
)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Assembler(all_layers(), translations()).snapshot(capture_file.load(SAVED))


def named(snapshot: Snapshot, name: str) -> ContainerState:
    return next(each for each in snapshot.containers if each.container.name == name)


def of(snapshot: Snapshot, name: str) -> tuple[Process, ...]:
    return processes_of(named(snapshot, name), snapshot.ground)


def test_a_session_stands_below_the_first_process_s_tree(snapshot: Snapshot) -> None:
    first, *others = of(snapshot, "hardened")
    sessions = [each for each in others if each.session]
    assert (first.state, first.depth, first.session, first.pid_inside, first.beyond) == (None, 0, 0, 1, False)
    assert others[-len(sessions) :] == sessions
    assert [each.depth for each in sessions if each.session == each.pid] == [0] * len({e.session for e in sessions})
    (strong,) = [each for each in sessions if each.beyond]
    assert strong.more > 0
    assert strong.raises
    assert of_session((first, *others), strong.session) == (strong,)
    assert first not in of_session((first, *others), 0)


def test_each_layer_of_a_process_stands_beside_that_of_the_first(snapshot: Snapshot) -> None:
    state = named(snapshot, "hardened")
    processes = of(snapshot, "hardened")
    strong = next(each for each in processes if each.beyond)
    found = {each.first.id: each for each in words.compare_layers(state, strong, all_layers())}
    assert list(found) == [layer.id for layer in sorted(all_layers(), key=lambda layer: -layer.number)]
    capabilities = found["capabilities"]
    assert (capabilities.differs, capabilities.more) == (True, True)
    assert capabilities.own.assessment.verdict is not capabilities.first.assessment.verdict
    assert str(strong.pid) in capabilities.text
    assert not found["mac"].differs
    alone = words.compare_layers(state, processes[0], all_layers())
    assert not any(each.differs for each in alone)


def test_a_thread_that_differs_is_below_its_process(snapshot: Snapshot) -> None:
    first, thread = of(snapshot, "threads")
    assert (thread.thread_of, thread.depth, thread.beyond) == (first.pid, 1, True)
    assert words.title(thread).id.startswith("{command}, thread")


def test_what_is_told_of_users_and_capabilities() -> None:
    process = Process(
        11, 7, "x", user=101000, user_inside=1000, effective=0b111, more=1, state=ProcessState(11, 7, "x", ())
    )
    assert words.users(process) == "1000 → 101000"
    assert words.capabilities(process) == ("3", "+1 more than the first process")
    assert words.capabilities(replace(process, more=0, less=2)) == ("3", "2 fewer than the first process")
    assert words.capabilities(replace(process, more=0, effective=0)) == ("none", "")
    assert words.capabilities(replace(process, effective=None)) == ("not known", "")
    assert words.users(replace(process, user=0, user_inside=None)) == "not known → root"
    assert words.named_user(process) == ""
    named = replace(process, user_name="web")
    assert words.users(named) == "web → 101000"
    assert words.named_user(named).startswith("web is user 1000 inside")


def _as_users(snapshot: Snapshot, asked: str, *uids: str) -> tuple[str, ...]:
    """A container started as `asked`, whose processes have these lines `Uid:`; what is told of their users."""

    def capture(pid: int, uids: str) -> Capture:
        text = STATUS.format(name="x", pid=pid, parent=pid - 1, inside=pid - 99).replace("0\t0\t0\t0", uids)
        idmap = Reading("uid_map", f"/proc/{pid}/uid_map", "0 100000 65536\n")
        return Capture(pid, (Reading("status", f"/proc/{pid}/status", text), idmap))

    first, *others = (capture(pid, each) for pid, each in enumerate(uids, start=100))
    state = named(snapshot, "hardened")
    container = replace(state.container, asked=replace(state.container.asked, user=asked))
    processes = tuple(ProcessState(each.pid, None, "x", (), capture=each) for each in others)
    state = replace(state, container=container, capture=first, processes=processes)
    return tuple(words.users(each) for each in processes_of(state, snapshot.ground))


WEB, OTHER, ROOT = ("\t".join([uid] * 4) for uid in ("100101", "100102", "100000"))


def test_the_user_that_it_was_started_as_is_told_by_name(snapshot: Snapshot) -> None:
    """Where the first process still is that user; it is the only name that nobody has to read for."""
    told = _as_users(snapshot, "web:staff", WEB, WEB, OTHER, ROOT)
    assert told == ("web → 100101", "web → 100101", "102 → 100102", "root → 100000")


@pytest.mark.parametrize("asked", ["", "101", "٣", "root", "web\x1b[2J", "0 → 0", "w" * 40, "<b>web</b>"])
def test_no_other_word_is_a_name(snapshot: Snapshot, asked: str) -> None:
    assert _as_users(snapshot, asked, WEB) == ("101 → 100101",)


def test_one_that_has_changed_its_user_has_no_name(snapshot: Snapshot) -> None:
    changed = "100101\t100102\t100101\t100102"
    assert _as_users(snapshot, "web", changed, OTHER) == ("102 → 100102", "102 → 100102")
    assert _as_users(snapshot, "web", ROOT) == ("root → 100000",)


def _chain(snapshot: Snapshot, count: int, parent_of: dict[int, int]) -> tuple[Process, ...]:
    """A container whose processes 100… each have the one before as parent, or another one."""

    def capture(pid: int) -> Capture:
        text = STATUS.format(name="x", pid=pid, parent=parent_of.get(pid, pid - 1), inside=pid - 99)
        return Capture(pid, (Reading("status", f"/proc/{pid}/status", text),))

    others = tuple(ProcessState(pid, None, "x", (), capture=capture(pid)) for pid in range(101, 100 + count))
    state = replace(named(snapshot, "hardened"), capture=capture(100), processes=others)
    return processes_of(state, snapshot.ground)


def test_a_chain_may_be_as_long_as_there_are_processes(snapshot: Snapshot) -> None:
    rows = _chain(snapshot, 2000, {})
    assert [each.depth for each in rows] == list(range(2000))


def test_a_circle_loses_nobody(snapshot: Snapshot) -> None:
    rows = _chain(snapshot, 6, {102: 104})
    assert sorted(each.pid for each in rows) == list(range(100, 106))
