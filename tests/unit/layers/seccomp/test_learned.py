"""Filters made of what was seen: what passes, what is refused and how, read back by the profile's own reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratascope.core.container import EngineKind
from stratascope.core.observation.observation import (
    NOTABLE_REQUESTS,
    Observation,
    Seen,
    UsedArguments,
    UsedCall,
    harmless,
)
from stratascope.layers.seccomp.filter_source import MeasuredDefault, ProfileFilter
from stratascope.layers.seccomp.profiles import DefaultFilter, learned_profile
from stratascope.linux.seccomp import ActionKind, Answers, Given
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi

CAPS = frozenset(("CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"))
PODMANS = Path("/usr/share/containers/seccomp.json")
X = "x86_64"
NAMES = ("accept4", "bind", "chown", "clone3", "execve", "openat", "openat2", "setuid", "socket", "vfork", "write")


def seen(*names: str, arguments: tuple[tuple[str, tuple[int, ...]], ...] = (), abi: str = X) -> Observation:
    """A container that made these calls."""
    return Observation(
        Seen(1.0, 1),
        calls=tuple(UsedCall(abi, name, 1, ("web",)) for name in names),
        arguments=tuple(UsedArguments(abi, name, values) for name, values in arguments),
    )


@pytest.fixture(params=["docker", "podman"])
def default(request: pytest.FixtureRequest) -> DefaultFilter:
    """An engine's default filter."""
    if request.param == "docker":
        return MeasuredDefault(EngineKind.DOCKER, "26.1", CAPS)
    if not PODMANS.exists():
        pytest.skip("no profile of Podman's on this machine")
    return ProfileFilter(PODMANS.read_text(), str(PODMANS), CAPS, (6, 18), X)


def answers(
    observed: Observation,
    default: DefaultFilter,
    *,
    tight: bool = False,
    gaining: bool = False,
    abi: Abi = Abi.X86_64,
    wider: bool = False,
    caps: frozenset[str] = CAPS,
) -> Answers:
    """What the profile says, as an engine understands it."""
    text = learned_profile(observed, default, caps, tight=tight, no_new_privileges=not gaining, init=False, wider=wider)
    return resolve(parse_profile(text), caps, (6, 18), X, abi)


def passes(found: Answers, name: str, **given: int) -> bool:
    """Whether a call passes for certain, with these arguments (a0=…)."""
    known = {int(place.removeprefix("a")): Given(value) for place, value in given.items()}
    actions = found.actions(name, known)
    assert actions is not None
    return {action.lets_through for action in actions} == {True}


def errno_of(found: Answers, name: str, **given: int) -> int | None:
    """With what a call is refused."""
    known = {int(place.removeprefix("a")): Given(value) for place, value in given.items()}
    (action,) = found.actions(name, known) or (None,)
    assert action is not None
    return action.number if action.kind is ActionKind.ERRNO else None


def test_what_was_seen_and_what_is_harmless(default: DefaultFilter) -> None:
    """Within 240 names; what is notable and was not seen is refused."""
    found = answers(seen(*NAMES), default)
    before = default.answers(Abi.X86_64)
    for name in {*NAMES, *harmless(X)} - {"clone3", "ioctl", "prctl", "socket", "vfork"}:
        assert passes(found, name) or not passes(before, name), name
    for name in ("mount", "ptrace", "setgid", "unshare", "io_uring_setup", "keyctl", "bpf", "mknod", "fchown"):
        assert not passes(found, name), name
        assert errno_of(found, name), name
    allowed = [name for name, outcomes in found.calls if any(each.action.lets_through for each in outcomes)]
    assert 200 < len(allowed) <= 240


def test_tight_is_only_what_was_seen(default: DefaultFilter) -> None:
    """And what the runtime calls before the program; within 110 for a program with 70 calls."""
    found = answers(seen(*NAMES), default, tight=True)
    assert passes(found, "accept4")
    assert not passes(found, "rename")
    assert not passes(found, "setgid")
    allowed = [name for name, outcomes in found.calls if any(each.action.lets_through for each in outcomes)]
    assert len(allowed) <= 110 - (70 - len(NAMES))


def test_the_runtime_may_still_change_users(default: DefaultFilter) -> None:
    """Without no_new_privs the filter is there before the runtime becomes the container's user."""
    assert passes(answers(seen(*NAMES), default, tight=True, gaining=True), "setgroups")
    assert not passes(answers(seen(*NAMES), default, tight=True), "setgroups")


def test_clone3_is_not_there_and_clone_makes_no_namespaces(default: DefaultFilter) -> None:
    """Whatever the engine's default says, and though the program was seen to call clone3."""
    for tight in (False, True):
        found = answers(seen(*NAMES), default, tight=tight)
        assert errno_of(found, "clone3") == 38
        assert passes(found, "clone", a0=0x11)
        assert errno_of(found, "clone", a0=0x10000011) == 1


def test_namespaces_that_were_seen_being_made(default: DefaultFilter) -> None:
    """Those, and no others."""
    observed = seen(*NAMES, "clone", "unshare", arguments=(("clone", (0x10000011,)), ("unshare", (0x10000000,))))
    found = answers(observed, default, wider=True)
    assert passes(found, "unshare", a0=0x10000000)
    assert errno_of(found, "unshare", a0=0x20000) == 1
    assert passes(found, "clone", a0=0x10000011)  # bwrap, Chromium: which the default refuses
    assert errno_of(found, "clone", a0=0x40000011) == 1
    assert errno_of(found, "clone", a0=0x50000011) == 1


def test_namespaces_that_the_default_in_force_refuses_stay_refused(default: DefaultFilter) -> None:
    """Docker's does, so it was tried in vain; Podman's leaves it to capabilities."""
    found = answers(seen(*NAMES, "clone", arguments=(("clone", (0x10000011,)),)), default)
    assert passes(found, "clone", a0=0x10000011) is isinstance(default, ProfileFilter)
    assert passes(found, "clone", a0=0x11)


def test_the_older_form_passes_too(default: DefaultFilter) -> None:
    """The C library tries it where it is told that the newer one is not there."""
    found = answers(seen("openat2", "statx", "vfork"), default, tight=True)
    assert passes(found, "openat")
    assert passes(found, "newfstatat")
    assert passes(found, "clone", a0=0x4111)


def test_families_of_sockets(default: DefaultFilter) -> None:
    """Those that were seen; beside the tight filter those of every resolver. What was not told is not narrowed."""
    arguments = (("socket", (2, 1, 0)), ("socket", (17, 3, 0)))
    wide = answers(seen(*NAMES, arguments=arguments), default)
    tight = answers(seen(*NAMES, arguments=arguments), default, tight=True)
    for family, in_wide, in_tight in ((2, True, True), (17, True, True), (10, True, False), (38, False, False)):
        assert passes(wide, "socket", a0=family, a2=0) is in_wide, family
        assert passes(tight, "socket", a0=family, a2=0) is in_tight, family
    assert passes(answers(seen(*NAMES), default, tight=True), "socket", a0=38, a2=0)


def test_the_engine_s_own_errno_stays() -> None:
    """Podman answers EINVAL for the audit family, which PAM takes for "no audit"; EPERM would be an error to it."""
    if not PODMANS.exists():
        pytest.skip("no profile of Podman's on this machine")
    found = answers(seen(*NAMES), ProfileFilter(PODMANS.read_text(), "", CAPS, (6, 18), X))
    assert errno_of(found, "socket", a0=16, a2=9) == 22
    assert passes(found, "socket", a0=16, a2=0)


def test_newer_calls_are_not_there_as_before() -> None:
    """Docker's default says ENOSYS to what it does not know; so does this."""
    found = answers(seen(*NAMES), MeasuredDefault(EngineKind.DOCKER, "26.1", CAPS))
    assert errno_of(found, "statmount") == 38
    assert errno_of(found, "mount") == 1


def test_the_newest_calls_are_not_there_unless_seen() -> None:
    """Whoever asks for one takes the older on ENOSYS, as on an older kernel."""
    default = MeasuredDefault(EngineKind.DOCKER, "26.1", CAPS)
    found = answers(seen("read"), default)
    assert errno_of(found, "futex_waitv") == 38
    assert passes(answers(seen("futex_waitv"), default), "futex_waitv")


def test_what_only_a_wider_filter_let_through(default: DefaultFilter) -> None:
    """A container that was privileged and mounts is given mount, if it is given the capability or not."""
    assert passes(answers(seen(*NAMES, "mount"), default, wider=True), "mount")


def test_what_the_default_refuses_stays_refused(default: DefaultFilter) -> None:
    """Whatever a twin tried: a container that knows that it is one would get more than it had."""
    found = answers(seen(*NAMES, "mount", "bpf", "io_uring_setup"), default, gaining=True)
    before = default.answers(Abi.X86_64)
    for name, outcomes in found.calls:
        old = before.of(name) or ()
        if old and all(each.action.lets_through is False for each in old):
            assert all(each.action.lets_through is False for each in outcomes), name


OWN = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": ["symlink", "socketpair"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
        {"names": ["read"], "action": "SCMP_ACT_KILL"},
    ],
}  # fmt: skip


def test_what_a_filter_of_its_own_refuses_stays_refused(default: DefaultFilter) -> None:
    """One that somebody wrote for it may be stricter than the default, also in what is harmless."""
    today = ProfileFilter(json.dumps(OWN), "own.json", CAPS, (6, 18), X)
    observed = seen(*NAMES, arguments=(("socket", (1, 1, 0)),))
    text = learned_profile(observed, default, CAPS, tight=False, no_new_privileges=True, init=False, wider=True,
                           today=today)  # fmt: skip
    found, before = resolve(parse_profile(text), CAPS, (6, 18), X, Abi.X86_64), today.answers(Abi.X86_64)
    for name, a0 in ((name, a0) for name, _ in found.calls for a0 in (1, 2, 16)):
        given = {0: Given(a0)}
        if any(action.lets_through for action in found.actions(name, given) or ()):
            assert all(action.lets_through for action in before.actions(name, given) or ()), (name, a0)
    assert passes(found, "openat")
    assert passes(found, "socket", a0=1)
    assert not passes(found, "socket", a0=2)


def test_a_rule_has_one_condition_of_an_argument(default: DefaultFilter) -> None:
    """Engines take any of several for enough: each personality was refused where some were to be."""
    every = seen(*(name for name, _ in default.answers(Abi.X86_64).calls))
    for wider in (False, True):
        text = learned_profile(every, default, CAPS, tight=False, no_new_privileges=True, init=False, wider=wider)
        for rule in json.loads(text)["syscalls"]:
            places = [each["index"] for each in rule.get("args", ())]
            assert len(places) == len(set(places)), rule
    assert passes(resolve(parse_profile(text), CAPS, (6, 18), X, Abi.X86_64), "personality", a0=0)


def test_other_entry_points(default: DefaultFilter) -> None:
    """Closed altogether, unless a 32-bit program was seen; then as the machine's own."""
    shut = answers(seen(*NAMES), default, abi=Abi.I386)
    assert {each.action.kind for _, outcomes in shut.calls for each in outcomes} <= {
        ActionKind.KILL_THREAD,
        ActionKind.KILL_PROCESS,
    }
    observed = seen(*NAMES)
    both = answers(Observation(Seen(1.0, 1), calls=(*observed.calls, *seen("mmap2", abi="i386").calls)), default,
                   abi=Abi.I386)  # fmt: skip
    assert passes(both, "mmap2")
    assert not passes(both, "mount")


def test_a_terminal_is_not_typed_into(default: DefaultFilter) -> None:
    """By whatever upper half, of which the kernel looks at none, unless it was seen; other requests pass with any."""
    wide, high, signs = answers(seen(*NAMES), default), 1 << 32, 0xFFFFFFFF << 32
    for request in NOTABLE_REQUESTS:
        for value in (request, request | high, request | signs):
            assert errno_of(wide, "ioctl", a1=value) == 1, hex(value)
        for bit in range(32):  # TCGETS, FIONREAD and what differs in one bit from one that is refused
            near = request ^ 1 << bit
            assert near in NOTABLE_REQUESTS or passes(wide, "ioctl", a1=near | signs), hex(near)
    once = answers(seen(*NAMES, arguments=(("ioctl", (0x5412 | signs,)),)), default)
    assert passes(once, "ioctl", a1=0x5412 | high)
    assert errno_of(once, "ioctl", a1=0x541C) == 1
    tight = answers(seen(*NAMES, "ioctl"), default, tight=True)
    assert passes(tight, "ioctl", a1=0x5401)
    assert errno_of(tight, "ioctl", a1=0x5412) == 1


def test_options_of_a_process(default: DefaultFilter) -> None:
    """What concerns itself, and what was seen. An int: the C library gives any upper half."""
    found = answers(seen(*NAMES, arguments=(("prctl", (26,)),)), default)
    assert passes(found, "prctl", a0=15)
    assert passes(found, "prctl", a0=15 | 7 << 32)
    assert passes(found, "prctl", a0=0x53564D41)
    assert passes(found, "prctl", a0=26)
    for option in (33, 35, 53, 57, 59, 62, 67, 1000):
        assert errno_of(found, "prctl", a0=option) == 1, option


def test_operations_of_notable_calls(default: DefaultFilter) -> None:
    """Those that were seen. What was not told is not narrowed."""
    caps = frozenset((*CAPS, "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"))
    told = answers(seen(*NAMES, "ptrace", arguments=(("ptrace", (0,)),)), default, caps=caps)
    assert passes(told, "ptrace", a0=0)
    assert errno_of(told, "ptrace", a0=16) == 1
    assert passes(answers(seen(*NAMES, "ptrace"), default, caps=caps), "ptrace", a0=16)


def test_a_filter_over_a_filter_by_argument_stays_as_it_is(default: DefaultFilter) -> None:
    """The second derived filter over the first: nothing is lost by how the first is written, also if they differ."""
    typed = seen(*NAMES, arguments=(("ioctl", (0x5412,)),))
    first = learned_profile(typed, default, CAPS, tight=False, no_new_privileges=False, init=False)
    today = ProfileFilter(first, "first", CAPS, (6, 18), X)
    for observed in (typed, seen(*NAMES)):
        text = learned_profile(observed, default, CAPS, tight=False, no_new_privileges=False, init=False, today=today)
        found = resolve(parse_profile(text), CAPS, (6, 18), X, Abi.X86_64)
        assert passes(found, "ioctl", a1=0x5401)
        assert passes(found, "ioctl", a1=0x80045430 | 0xFFFFFFFF << 32)
        assert passes(found, "ioctl", a1=0x5412) is (observed == typed)
        assert not passes(found, "ioctl", a1=0xAA00)
        assert passes(found, "prctl", a0=15)
        assert not passes(found, "prctl", a0=35)
