"""What further processes and threads add to the first: on captures of real containers, and on what is made of them."""

from __future__ import annotations

import pytest

from rig.places import CAPTURES
from stratascope.core.capture import Capture, Reading
from stratascope.core.layer import Verdict
from stratascope.core.ports import ContainerCapture
from stratascope.core.severity import Severity
from stratascope.core.snapshot import CapturedContainer, ContainerState, MachineCapture, ProcessState
from stratascope.core.threats.threat import Outcome, Stance, evidence
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.usecases.live import further_processes
from stratascope.usecases.live.assembler import Assembler
from stratascope.usecases.live.further_processes import (
    differs,
    ends_matter,
    exec_sessions,
    only_root_can_read,
    within,
)
from stratascope.value import replace
from stratascope.wiring.engines import translations

# three containers of a rootful Docker: `threads` (its first thread has no capabilities, the others the default),
# `ended` (its first thread has ended), `hardened` (with a session of exec --privileged)
SAVED = CAPTURES / "processes" / "docker.json"
NONE, ALL = "0000000000000000", "000001ffffffffff"


@pytest.fixture(scope="module")
def machine() -> MachineCapture:
    return capture_file.load(SAVED)


def found_of(machine: MachineCapture, name: str) -> ContainerCapture:
    for item in machine.containers:
        if f'"/{name}"' in item.raw.inspect and item.found is not None:
            return item.found
    raise AssertionError(name)


def assembled(machine: MachineCapture, name: str, found: ContainerCapture | None = None) -> ContainerState:
    """That container, with other readings if so."""
    wanted = found or found_of(machine, name)
    items = tuple(
        CapturedContainer(item.raw, wanted) for item in machine.containers if f'"/{name}"' in item.raw.inspect
    )
    (state,) = Assembler(all_layers(), translations()).snapshot(replace(machine, containers=items)).containers
    return state


def with_line(capture: Capture, line: str, value: str) -> Capture:
    """The same, with another value in that line of its status."""

    def edited(reading: Reading) -> Reading:
        if reading.name != "status" or reading.text is None:
            return reading
        lines = [f"{line}:\t{value}" if each.startswith(f"{line}:") else each for each in reading.text.split("\n")]
        return replace(reading, text="\n".join(lines))

    return replace(capture, readings=tuple(map(edited, capture.readings)))


def one(processes: tuple[ProcessState, ...]) -> ProcessState:
    (found,) = processes
    return found


def test_a_thread_counts_as_its_process_does_not(machine: MachineCapture) -> None:
    state = assembled(machine, "threads")
    thread = one(state.processes)
    assert thread.thread_of == state.container.pid
    assert thread.kind == ""
    assert state.raising == (thread,)
    assert state.matrix is not None
    assert state.first_exposure is not None
    assert state.matrix.exposure.worst == thread.exposure
    assert state.matrix.exposure.worst > state.first_exposure
    threat = state.matrix.of("bypass-file-permissions")
    assert threat is not None
    assert threat.outcome is Outcome.OPEN
    ruling = threat.ruling("capabilities")
    assert ruling is not None
    assert ruling.stance is Stance.LETS_THROUGH
    place = f"/proc/{state.container.pid}/task/{thread.pid}/status:CapEff"
    assert evidence(ruling.source, state.container.pid) == place


def test_the_facts_stay_those_of_the_first(machine: MachineCapture) -> None:
    facts = next(layer.facts for layer in assembled(machine, "threads").layers if layer.id == "capabilities")
    assert facts.effective_names == ()


def test_one_whose_first_thread_has_ended_is_as_any_other(machine: MachineCapture) -> None:
    found = found_of(machine, "ended")
    assert "\nState:\tZ" not in str(found.first.text("status"))
    state = assembled(machine, "ended")
    assert (state.gap, state.processes) == (None, ())
    assert {layer.id for layer in state.layers if layer.assessment.verdict is Verdict.UNKNOWN} == set()
    cgroup = next(layer.facts for layer in state.layers if layer.id == "cgroup")
    assert state.container.id in cgroup.path
    assert not [each.code for each in state.findings if "drift" in each.code or "process" in each.code]


def test_a_privileged_session_is_told_once_with_what_it_comes_to(machine: MachineCapture) -> None:
    state = assembled(machine, "hardened")
    session = one(state.raising)
    assert session.kind == "exec"
    told = [each for each in state.findings if "exec session" in translate(each.text)]
    assert [each.code for each in told] == ["capabilities.drift-effective"]
    assert f"from {state.first_exposure:.1f} to {session.exposure:.1f}" in translate(told[0].text)
    assert len([each for each in state.findings if each.code.startswith("capabilities.drift-")]) == 1
    capabilities = next(layer for layer in state.layers if layer.id == "capabilities")
    assert capabilities.assessment.verdict is Verdict.OPEN
    assert translate(capabilities.assessment.fact).startswith(f"PID {session.pid}: ")
    alone = assembled(machine, "hardened", replace(found_of(machine, "hardened"), members=()))
    assert alone.matrix is not None
    assert alone.matrix.exposure.worst == state.first_exposure == alone.first_exposure
    assert alone.raising == ()


def test_who_came_from_outside_is_a_session_with_all_its_children(machine: MachineCapture) -> None:
    found = found_of(machine, "hardened")
    (session,) = (each for each in found.members if str(each.text("comm")) == "sleep\n")
    child = with_line(replace(session, pid=99999), "PPid", str(session.pid))
    child = with_line(with_line(child, "Tgid", "99999"), "NSpid", "99999\t99")
    own = with_line(with_line(child, "PPid", str(found.first.pid)), "Tgid", "99998")
    own = replace(own, pid=99998)
    assert exec_sessions(found.first, (session, child, own)) == {session.pid, 99999}
    # where orphans go to the runtime's monitor too, who came from outside can't be told
    shared = with_line(with_line(found.first, "NSpid", "7\t40"), "NStgid", "7\t40")
    assert exec_sessions(shared, (session, child)) == frozenset()
    threads = found_of(machine, "threads")
    assert exec_sessions(threads.first, threads.members) == frozenset()


@pytest.mark.parametrize(
    ("line", "value", "less"),
    [
        ("CapEff", NONE, True),
        ("CapEff", ALL, False),
        ("CapBnd", ALL, False),
        ("Uid", "1000\t1000\t1000\t1000", True),  # the first can become anybody
        ("Seccomp_filters", "2", True),
        ("Seccomp", "0", False),
        ("NoNewPrivs", "1", True),
    ],
)
def test_what_the_first_could_make_itself_adds_nothing(
    machine: MachineCapture, line: str, value: str, less: bool
) -> None:
    first = found_of(machine, "ended").first
    other = with_line(replace(first, pid=4711), line, value)
    assert differs(first, other) is not None
    assert within(first, other) is less
    state = assembled(machine, "ended", ContainerCapture(first, (other,), "cgroup"))
    alone = assembled(machine, "ended")
    assert state.matrix is not None
    assert alone.matrix is not None
    assert (state.matrix == alone.matrix) >= less
    if less:
        assert {each.severity for each in state.findings if "drift" in each.code} <= {Severity.LOW}


def test_without_the_capabilities_for_it_another_user_is_another(machine: MachineCapture) -> None:
    first = with_line(found_of(machine, "ended").first, "CapEff", NONE)
    assert not within(first, with_line(replace(first, pid=4711), "Uid", "1000\t1000\t1000\t1000"))


def test_of_alike_ones_one_is_judged_and_too_many_are_not_known(
    machine: MachineCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = found_of(machine, "ended").first
    alike = tuple(with_line(replace(first, pid=5000 + place), "CapEff", ALL) for place in range(100))
    state = assembled(machine, "ended", ContainerCapture(first, alike, "cgroup"))
    assert {each.exposure for each in state.processes} == {state.matrix.exposure.worst if state.matrix else None}
    assert len([each for each in state.findings if "drift" in each.code]) == 1
    monkeypatch.setattr(further_processes, "KINDS_MAX", 3)
    kinds = tuple(with_line(each, "Gid", f"{each.pid}\t" * 3 + str(each.pid)) for each in alike[:5])
    state = assembled(machine, "ended", ContainerCapture(first, kinds, "cgroup"))
    assert state.unread == 2
    assert [each.exposure is None for each in state.processes] == [False, False, False, True, True]


def test_filters_of_which_only_root_knows_are_asked_for_where_they_may_be_others(machine: MachineCapture) -> None:
    first = found_of(machine, "ended").first
    child = replace(first, pid=4711)
    assert not only_root_can_read(first, child, session=False)
    assert only_root_can_read(first, child, session=True)
    assert only_root_can_read(first, with_line(child, "Seccomp_filters", "2"), session=False)
    assert not only_root_can_read(first, with_line(child, "Seccomp", "0"), session=True)  # nothing to read


def test_whoever_restricts_itself_further_adds_nothing(machine: MachineCapture) -> None:
    first = found_of(machine, "ended").first

    def restricted(capture: Capture, text: str) -> Capture:
        return replace(capture, readings=(*capture.readings, Reading("bpf:landlock", "", text)))

    other = replace(first, pid=4711)
    assert within(restricted(first, ""), restricted(other, "{}"))
    assert not within(restricted(first, "{}"), restricted(other, ""))
    assert differs(restricted(first, "{}"), restricted(other, "")) is not None


def test_the_ends_of_sessions_and_of_those_that_differ_matter(machine: MachineCapture) -> None:
    found = found_of(machine, "hardened")
    (session,) = found.members
    alike = replace(found.first, pid=4_000_001)
    other = with_line(replace(found.first, pid=4_000_002), "CapEff", ALL)
    assert ends_matter(replace(found, members=(alike, other, session))) == (session, other)
    assert ends_matter(replace(found, members=(alike,))) == ()


def test_what_is_ending_already_is_not_waited_for(machine: MachineCapture) -> None:
    found = found_of(machine, "hardened")
    (session,) = found.members
    assert ends_matter(replace(found, members=(with_flags(session, 4),))) == ()


def with_flags(capture: Capture, flags: int) -> Capture:
    """The same, with those flags in its stat: 4 is PF_EXITING."""

    def edited(reading: Reading) -> Reading:
        if reading.name != "stat" or reading.text is None:
            return reading
        head, _, rest = reading.text.rpartition(")")
        words = rest.split()
        words[6] = str(flags)
        return replace(reading, text=f"{head}) {' '.join(words)}")

    return replace(capture, readings=tuple(map(edited, capture.readings)))
