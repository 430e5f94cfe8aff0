"""Events folded into an observation: what counts, as whose, and what is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.observation.events import (
    Arguments,
    Begin,
    Call,
    Check,
    Device,
    Event,
    Exit,
    Failed,
    Holds,
    Listens,
    Lost,
    Peak,
    Peer,
    Process,
    Reached,
    Signal,
    Unseen,
    User,
    Watched,
    Written,
)
from stratascope.core.observation.fold import Fold
from stratascope.core.observation.observation import (
    Access,
    Observation,
    Phase,
    RefusedCall,
    UsedPath,
    UsedPort,
    added,
)
from stratascope.linux.capability import CapabilitySet

X = "x86_64"
SETUID = ("cap_capable", "ns_capable_setid", "__sys_setuid")


def folded(*events: Event, held: CapabilitySet | None = None) -> Observation:
    """All of them, one after the other."""
    fold = Fold(held)
    for event in events:
        fold.feed(event)
    return fold.observation()


def start(at: float = 1.0) -> list[Event]:
    """runc starts `web` as process 10."""
    return [
        Call(at, 10, X, 105, 1),  # setuid, by runc
        Process(at, 10, 9, "exec", "runc:[2:INIT]", "/proc/self/exe"),
        Check(at, 10, 21, 0, True, X, 165, ("cap_capable",), 54),
        Process(at + 0.1, 10, 9, "exec", "web", "/usr/sbin/web"),
    ]


def test_a_runtime_s_own_work_is_no_need() -> None:
    """Nothing of before the container's program is executed; all of it and of its children afterwards."""
    seen = folded(
        *start(),
        Call(1.2, 10, X, 257, 3),
        Process(1.3, 11, 10, "fork", "web", ""),
        Call(1.4, 11, X, 257, 2),
        Check(1.5, 11, 7, 0, True, X, 105, SETUID, 1),
        User(1.6, 11, 33, 33),
    )
    assert [(call.name, call.uses, call.by) for call in seen.calls] == [("openat", 5, ("web",))]
    assert [(each.name, each.uses, each.by, each.initial) for each in seen.capabilities] == [
        ("CAP_SETUID", 1, ("web",), True)
    ]
    assert seen.users == ((33, 33),)
    assert seen.seen.starts == 1
    assert seen.seen.phases == (Phase.START,)
    assert seen.seen.execs == 0


def test_one_that_waits_for_its_start_is_a_runtime_yet() -> None:
    """Podman's `init` makes the first process, which is the runtime's until it executes the container's program."""
    seen = folded(
        Process(1.0, 10, 9, "there", "runc:[2:INIT]", "/memfd:runc_cloned:/proc/self/exe (deleted)"),
        Call(1.1, 10, X, 105, 1),
        Process(1.2, 10, 9, "exec", "web", "/usr/sbin/web"),
        Call(1.3, 10, X, 257, 1),
    )
    assert [call.name for call in seen.calls] == ["openat"]
    assert (seen.seen.starts, seen.seen.execs) == (1, 0)


def test_who_comes_in_later_is_a_session() -> None:
    """Where only a look tells: who was there at the beginning is none, and no child of theirs."""
    seen = folded(
        Begin(1.0, 1, "tracepoint"),
        Process(1.0, 10, 9, "there", "web", "/usr/sbin/web"),
        Process(1.0, 11, 8, "there", "sh", "/bin/sh"),
        Process(3.0, 12, 8, "there", "sh", "/bin/sh"),
        Process(3.0, 13, 12, "there", "sh", "/bin/sh"),
    )
    assert seen.seen.execs == 1
    assert seen.seen.phases == (Phase.SESSIONS,)


def test_what_it_keeps_when_it_ceases_to_be_root() -> None:
    """The runtime's own process has as much before it executes anything, and counts for nothing."""
    seen = folded(Holds(0.9, 10, 21), *start(), Holds(1.2, 10, 13), Holds(1.3, 10, 13))
    assert seen.kept == (("CAP_NET_RAW", "web"),)


def test_an_engine_s_monitor_is_no_program_of_the_container() -> None:
    """Podman's lies below the same parent, and starts the runtime."""
    seen = folded(
        Process(1.0, 8, 7, "exec", "conmon", "/usr/bin/conmon"),
        Process(1.1, 9, 8, "fork", "conmon", ""),
        Process(1.1, 9, 8, "exec", "runc", "/usr/sbin/runc"),
        Process(1.2, 10, 9, "fork", "runc", ""),
        *start(1.3),
        Call(1.5, 10, X, 257, 3),
        Call(1.6, 8, X, 257, 9),
    )
    assert [(call.name, call.uses, call.by) for call in seen.calls] == [("openat", 3, ("web",))]
    assert seen.seen.starts == 1


def test_busybox_executes_itself() -> None:
    """A program of the container may do what a runtime does: it has been counted before, so it counts on."""
    seen = folded(*start(), Process(2.0, 10, 9, "exec", "ls", "/proc/self/exe"), Call(2.1, 10, X, 83, 1))
    assert [(call.name, call.by) for call in seen.calls] == [("mkdir", ("ls",))]


def test_a_session_from_outside() -> None:
    """Its runtime's work is left out too, and that there was one is told."""
    seen = folded(
        *start(),
        Check(3.0, 20, 21, 0, True, X, 165, ("cap_capable",), 1),
        Process(3.1, 20, 9, "exec", "sh", "/bin/sh"),
        Call(3.2, 20, X, 59, 1),
    )
    assert seen.capabilities == ()
    assert [(call.name, call.by) for call in seen.calls] == [("execve", ("sh",))]
    assert seen.seen.execs == 1
    assert Phase.SESSIONS in seen.seen.phases


def test_what_runs_already() -> None:
    """Attached to it while it runs: everything counts at once, and no start was seen."""
    seen = folded(Process(1.0, 10, 1, "there", "web", "/usr/sbin/web"), Call(1.1, 10, X, 288, 4))
    assert [(call.name, call.uses) for call in seen.calls] == [("accept4", 4)]
    assert seen.seen.starts == 0
    assert seen.seen.phases == (Phase.REQUESTS,)


def test_only_what_it_holds_is_used() -> None:
    """overlayfs asks with the credentials of its mounter, who holds all."""
    seen = folded(
        *start(), Check(2.0, 10, 21, 0, True, X, 257, ("cap_capable",), 1), held=CapabilitySet.of(("CAP_SETUID",))
    )
    assert seen.capabilities == ()


def test_refusals_and_why() -> None:
    """A filter's before the call began; a capability's with its name; whatever was refused once is told once."""
    refused = Failed(2.1, 10, X, 105, 1, True, (33,), "", 1)
    seen = folded(
        *start(),
        Failed(2.0, 10, X, 165, 1, False, (), "", 1),
        Check(2.1, 10, 7, -1, True, X, 105, SETUID, 1),
        refused,
        Failed(2.2, 10, X, 257, 30, True, (), "/etc/web.pid", 1),
        Failed(2.3, 10, X, 257, 30, True, (), "/etc/web.pid", 1),
    )
    assert set(seen.denied) == {
        RefusedCall("web", X, "mount", 1, True, (), "", ()),
        RefusedCall("web", X, "setuid", 1, False, (33,), "", ("CAP_SETUID",)),
        RefusedCall("web", X, "openat", 30, False, (), "/etc/web.pid", ()),
    }


def test_a_check_of_another_call_is_not_blamed() -> None:
    """One inside a call that went well does not explain the next one's failure."""
    seen = folded(
        *start(),
        Check(2.0, 10, 7, -1, True, X, 105, SETUID, 1),
        Failed(2.1, 10, X, 233, 1, True, (), "", 1),
    )
    assert [each.lacked for each in seen.denied] == [()]


def test_ports_and_whom_they_are_for() -> None:
    """Loopback only as long as it listens nowhere else; outside once somebody came from there."""
    seen = folded(
        *start(),
        Listens(2.0, "tcp", 80, False),
        Listens(2.0, "tcp", 9000, True),
        Peer(3.0, "tcp", 9000, True),
        Peer(3.0, "tcp", 80, False),
    )
    assert seen.ports == (UsedPort("tcp", 80, False, True), UsedPort("tcp", 9000, True, False))
    assert Phase.REQUESTS in seen.seen.phases


def test_phases() -> None:
    """A reload, children long after the start, data forced onto the disk, the stop."""
    seen = folded(
        *start(),
        Signal(5.0, 10, 1, 0),
        Call(6.0, 10, X, 74, 1),
        Process(30.0, 12, 10, "fork", "web", ""),
        Exit(40.0, 10, 0, None),
    )
    assert seen.seen.phases == (Phase.START, Phase.CHILDREN, Phase.SAVE, Phase.RELOAD, Phase.STOP)
    assert (seen.seen.reloads, seen.seen.stops, seen.seen.seconds) == (1, 1, 39.0)


def test_arguments_that_everybody_has_are_left_out() -> None:
    """Of ioctl and prctl only what is notable is kept, so that a flood of others crowds nothing out."""
    seen = folded(
        *start(),
        *(Arguments(2.0, 10, X, 16, (request,)) for request in (0x5401, 0x5412, 0x541B, 0x5412 | 1 << 32)),
        *(Arguments(2.0, 10, X, 157, (option,)) for option in (15, 38, 35)),
    )
    assert {(each.name, each.values) for each in seen.arguments} == {
        ("ioctl", (0x5412,)), ("ioctl", (0x5412 | 1 << 32,)), ("prctl", (35,)),
    }  # fmt: skip


def test_the_rest() -> None:
    """Arguments once, paths once, peaks at their most, what was lost added, what can't be seen with its reason."""
    seen = folded(
        *start(),
        Arguments(2.0, 10, X, 41, (16, 3, 9)),
        Arguments(2.0, 10, X, 41, (16, 3, 9)),
        Written(2.0, "/run/web.pid", "file"),
        Written(2.1, "/run/web.pid", "file"),
        Peak(2.0, "memory", 500.0),
        Peak(3.0, "memory", 400.0),
        Lost(3.0, 2),
        Lost(3.5, 3),
        Unseen(1.0, "capabilities", "no tracefs"),
    )
    assert [(each.name, each.values) for each in seen.arguments] == [("socket", (16, 3, 9))]
    assert seen.written == ("/run/web.pid",)
    assert seen.peak("memory") == 500.0
    assert seen.peak("pids") is None
    assert seen.seen.lost == 5
    assert not seen.saw("capabilities")
    assert seen.saw("calls")


def test_two_lives_together() -> None:
    """Uses are added, the wider port counts, a part that was seen once is seen."""
    one = folded(*start(), Call(2.0, 10, X, 257, 3), Listens(2.0, "tcp", 80, True), Unseen(1.0, "calls", "why"))
    two = folded(*start(), Call(2.0, 10, X, 257, 4), Listens(2.0, "tcp", 80, False))
    both = added(one, two)
    assert [(call.name, call.uses) for call in both.calls] == [("openat", 7)]
    assert both.ports == (UsedPort("tcp", 80, False, False),)
    assert both.seen.starts == 2
    assert both.saw("calls")
    assert added(Observation(), one) == one == added(one, Observation())


def test_a_hostile_container_fills_nothing() -> None:
    """As many processes, programs and paths as it likes: what is kept stays bounded."""
    fold = Fold()
    for event in start():
        fold.feed(event)
    for number in range(30_000):
        fold.feed(Process(2.0, 100 + number, 10, "fork", f"p{number}", ""))
        fold.feed(Written(2.0, f"/{number}", "file"))
        fold.feed(Call(2.0, 100 + number, X, number % 100, 1))
        fold.feed(Failed(2.0, 100 + number, X, 257, 13, True, (), f"/{number}", 1))
    fold.feed(Call(3.0, 99_999, X, 101, 1))  # by one that could not be remembered any more
    seen = fold.observation()
    assert len(seen.written) == len(seen.denied) == 2000
    assert all(len(call.by) <= 8 for call in seen.calls)
    assert {call.name for call in seen.calls} >= {"ptrace"}


_PID = st.integers(1, 4)
_EVENTS = st.one_of(
    st.builds(Process, st.just(1.0), _PID, _PID, st.sampled_from(["there", "fork", "exec"]), st.text(), st.text()),
    st.builds(Exit, st.just(1.0), _PID, st.none(), st.none()),
    st.builds(Call, st.just(1.0), _PID, st.sampled_from([X, "i386", "odd"]), st.integers(0, 1 << 40), st.integers(0)),
    st.builds(Check, st.just(1.0), _PID, st.integers(0, 70), st.integers(-2, 0), st.booleans(), st.just(X),
              st.integers(0, 500), st.lists(st.text()).map(tuple), st.integers(0)),
    st.builds(Failed, st.just(1.0), _PID, st.just(X), st.integers(0, 500), st.integers(0, 133), st.booleans(),
              st.just(()), st.text(), st.integers(0)),
)  # fmt: skip


@given(st.lists(_EVENTS), st.lists(_EVENTS))
def test_any_order(one: list[Event], two: list[Event]) -> None:
    """Whatever comes, an observation; the sum of two does not depend on their order, but for the first programs."""
    first, second = folded(*one), folded(*two)
    both, other = added(first, second), added(second, first)
    assert [(call.name, call.uses) for call in both.calls] == [(call.name, call.uses) for call in other.calls]
    assert {each.name for each in both.capabilities} == {each.name for each in other.capabilities}


def test_when_each_call_was_seen_first() -> None:
    """In seconds of observation, of the second life too; again is not first."""
    one = folded(
        *start(), Call(2.0, 10, X, 257, 1), Call(3.5, 10, X, 0, 1), Call(3.5, 10, X, 1, 1), Exit(11.0, 10, 0, None)
    )
    two = folded(*start(), Call(4.0, 10, X, 257, 1), Call(6.0, 10, X, 41, 1))
    begun = start()[0].at
    assert one.growth() == ((2.0 - begun, 1), (3.5 - begun, 3))
    both = added(one, two)
    assert both.growth() == ((2.0 - begun, 1), (3.5 - begun, 3), (one.seen.seconds + 6.0 - begun, 4))
    assert Observation().growth() == ()


SINCE = 1_700_000_000.0


def test_what_is_reached_through_its_mounts() -> None:
    """By whom, how, when; what was watched and not used is known as that. A device counts if it is watched."""
    seen = folded(
        Begin(0.5, 1, "", SINCE),
        *start(),
        Watched(1.5, "/host"),
        Watched(1.5, "/dev/fuse"),
        Watched(1.5, "/idle"),
        Reached(2.0, 10, "/host", "written", "web"),
        Reached(70.0, 10, "/host", "read", "cat"),
        Reached(70.0, 10, "/host", "of another kind", "cat"),
        Device(71.0, 10, "/dev/fuse"),
        Device(71.0, 10, "/dev/null"),
    )
    assert seen.reached == (
        UsedPath("/dev/fuse", (Access.READ,), ("web",), SINCE + 71, SINCE + 71, 69.5, 1),
        UsedPath("/host", (Access.READ, Access.WRITTEN), ("web", "cat"), SINCE + 2, SINCE + 70, 69.5, 1),
        UsedPath("/idle", seconds=69.5, starts=1),
    )


def test_a_mount_that_is_watched_later_was_not_watched_at_its_start() -> None:
    seen = folded(*start(), Watched(9.0, "/host"), Peak(10.0, "pids", 1))
    assert seen.reached == (UsedPath("/host", seconds=1.0),)


def test_several_runs_of_what_is_reached() -> None:
    """An earlier one may not have watched it, or known the time."""
    one = Observation(reached=(UsedPath("/host", (Access.READ,), ("cat",), 0.0, 0.0, 50.0, 1), UsedPath("/idle")))
    two = Observation(reached=(UsedPath("/host", (Access.WRITTEN,), ("sh",), 7.0, 9.0, 60.0, 0),))
    assert added(one, two).reached == (
        UsedPath("/host", (Access.READ, Access.WRITTEN), ("cat", "sh"), 7.0, 9.0, 110.0, 1),
        UsedPath("/idle"),
    )
