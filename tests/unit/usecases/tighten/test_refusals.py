"""What was refused to a twin: in words, the same each time, and with what would allow just that."""

from __future__ import annotations

import json

import pytest

from stratascope.core.container import Engine, EngineKind
from stratascope.core.observation.observation import RefusedCall, UsedCapability
from stratascope.core.relaunch.toggle import Choice, OwnVolume
from stratascope.core.relaunch.trial import Loosening
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.filter_source import FilterSource, KernelFilters, MeasuredDefault, NoFilter
from stratascope.layers.toggles import choice_of
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.tighten.refusals import Allowing, counts, refusal
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, PODMAN
from unit.usecases.tighten.watched import FACTS, WEB, container

X = "x86_64"
FILTERED = RefusedCall("web", X, "chmod", 1, True, (), "", ())
LACKED = RefusedCall("web", X, "setgid", 1, False, (33,), "", ("CAP_SETGID",))
READ_ONLY = RefusedCall("web", X, "openat", 30, False, (), "/var/lib/web/cache", ())
OTHER = RefusedCall("web", X, "openat", 13, False, (), "/etc/shadow", ())
DERIVED = Resolved(
    (
        choice_of("capabilities", "CAP_SETUID"),
        choice_of("no-new-privileges", "on"),
        choice_of("read-only-root", "on"),
        choice_of("tmpfs", "/tmp"),
        choice_of("seccomp", "/kept/1.json"),
    )
)


def allowing(derived: Resolved = DERIVED) -> tuple[Allowing, dict[str, str]]:
    """And the profiles that it makes."""
    kept: dict[str, str] = {}

    def keep(text: str) -> str:
        path = f"/kept/{len(text)}.json"
        kept[path] = text
        return path

    allow = Allowing(container(), "learned", keep)
    allow.begin(derived.choices)
    return allow, kept


@pytest.mark.parametrize(
    ("denied", "words"),
    [(FILTERED, "chmod is stopped"), (LACKED, "needs SETGID"), (READ_ONLY, "read-only"), (OTHER, "EACCES")],
    ids=["filter", "capability", "read-only", "files"],
)
def test_in_words(denied: RefusedCall, words: str) -> None:
    """Who, what, and by what."""
    text = translate(refusal(denied, lambda denied: None).text)
    assert "web" in text
    assert words in text


def test_the_same_each_time() -> None:
    """Numbers in names differ from run to run; another call, program or reason is another refusal."""
    one = refusal(replace(OTHER, path="/proc/17/stat"), lambda denied: None)
    assert one.key == refusal(replace(OTHER, path="/proc/4711/stat"), lambda denied: None).key
    others = [replace(OTHER, name="stat"), replace(OTHER, by="sh"), replace(OTHER, errno=1), OTHER]
    assert one.key not in {refusal(each, lambda denied: None).key for each in others}


@pytest.mark.parametrize(
    ("path", "loosening"),
    [
        ("/var/lib/web/data", Loosening("volume-owner", choice_of("volume-owner", "change"), certain=True)),
        ("/run/web/pid", Loosening("tmpfs", choice_of("tmpfs", "/tmp,/run/web"), certain=True)),
        ("/etc/shadow", None),
        ("", None),  # it could not be read
    ],
)
def test_files_of_root_are_no_reason_to_be_half_of_it(path: str, loosening: Loosening | None) -> None:
    """As another user: its own volume is handed over, what is made anew at each start gets a place of its own."""
    volume = OwnVolume("/var/lib/web", (0,))
    allow = Allowing(replace(container(), own_volumes=(volume,)), "learned", lambda text: "/kept/1.json")
    closed = replace(OTHER, path=path, lacked=("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"))
    allow.begin((*DERIVED.choices, choice_of("user", "33:33")))
    assert allow(closed) == loosening
    allow.begin(DERIVED.choices)  # as root it is the capability
    found = allow(closed)
    assert found is not None
    assert found.toggle == "capabilities"


@pytest.mark.parametrize(("name", "values"), [("prlimit64", (0, 4, 1)), ("setrlimit", (4, 1))])
def test_a_limit_that_a_session_raises(name: str, values: tuple[int, ...]) -> None:
    """PAM sets limits of its own, which one that the container starts with may forbid; another one is no reason."""
    allow, _ = allowing(Resolved((choice_of("ulimit-core", "0"), choice_of("ulimit-nofile", "100"))))
    raised = replace(LACKED, name=name, values=values, lacked=("CAP_SYS_RESOURCE",))
    assert allow(raised) == Loosening("ulimit-core", certain=True)
    allow, _ = allowing(Resolved((choice_of("ulimit-nofile", "100"),)))
    assert allow(raised) is None


NAMESPACE = replace(FILTERED, name="clone", values=(0x10000000,))  # CLONE_NEWUSER


@pytest.mark.parametrize(
    ("denied", "choices", "yes"),
    [
        (FILTERED, DERIVED.choices, True),
        (FILTERED, DERIVED.choices[:4], False),  # no filter of ours is in force
        (replace(FILTERED, name="keyctl"), DERIVED.choices, False),  # the engine's own stops it as well
        (NAMESPACE, DERIVED.choices, False),
        (replace(NAMESPACE, values=(0x11,)), DERIVED.choices, True),
        (LACKED, DERIVED.choices, True),
        (replace(LACKED, lacked=("CAP_SYS_ADMIN",)), DERIVED.choices, False),  # it never had that
        (replace(LACKED, lacked=("CAP_SYS_RESOURCE",), name="prlimit64", values=(0, 4)), DERIVED.choices, False),
        (replace(LACKED, lacked=("CAP_SYS_RESOURCE",), name="prlimit64", values=(0, 4)),
         (choice_of("ulimit-core", "0"),), True),
        (LACKED, (*DERIVED.choices, choice_of("user", "33:33")), False),  # it is that user already, and goes on
        (replace(LACKED, name="mount", lacked=("CAP_CHOWN",)), (*DERIVED.choices, choice_of("user", "33:33")), True),
        (READ_ONLY, DERIVED.choices, True),
        (READ_ONLY, (choice_of("pids", "100"),), False),
        (OTHER, DERIVED.choices, True),
        (READ_ONLY, (), True),  # unchanged: all of it is known then
    ],
)  # fmt: skip
def test_what_a_trial_can_be_to_blame_for(denied: RefusedCall, choices: tuple[Choice, ...], yes: bool) -> None:
    allow, _ = allowing()
    allow.begin(choices)
    assert allow.counts(denied) is yes


def test_rights_of_a_file_end_with_no_new_privileges() -> None:
    """A program had them by its own file: the same set of capabilities is no help."""
    seen = replace(WEB, capabilities=(UsedCapability("CAP_NET_RAW", True, 1, ("pinger",)),))
    allow = Allowing(container(seen), "learned", lambda text: "/kept/1.json")
    raw = RefusedCall("pinger", X, "socket", 1, False, (2, 3, 1), "", ("CAP_NET_RAW",))
    allow.begin((choice_of("no-new-privileges", "on"), choice_of("capabilities", "CAP_NET_RAW")))
    assert allow(raw) == Loosening("no-new-privileges", certain=True)
    allow.begin((choice_of("no-new-privileges", "on"), choice_of("capabilities", "none")))
    found = allow(raw)
    assert found is not None
    assert found.choice == choice_of("capabilities", "CAP_NET_RAW")
    allow.begin((choice_of("capabilities", "none"),))
    assert allow(replace(raw, by="ping")) is not None


@pytest.mark.parametrize(
    ("today", "name", "yes"),
    [
        (NoFilter(), "keyctl", True),
        (MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset()), "keyctl", False),
        (MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset()), "chmod", True),
        (KernelFilters((b"no filter",)), "keyctl", True),  # not known
    ],
)
def test_what_it_may_call_today_counts_whatever_the_default_says(today: FilterSource, name: str, yes: bool) -> None:
    """A container without a filter, or with one of its own: what a learned one takes from it was called working."""
    without = replace(container(), facts=(("seccomp", replace(FACTS, origin=today)),))
    allow = Allowing(without, "learned", lambda text: "/kept.json")
    allow.begin(DERIVED.choices)
    assert allow.counts(replace(FILTERED, name=name)) is yes


def test_what_every_filter_of_ours_answers_is_no_refusal() -> None:
    """The C library takes `clone` where there is no `clone3`; by any other errno it does not."""
    told = replace(FILTERED, name="clone3", errno=38)
    assert not counts(told)
    assert all(map(counts, (FILTERED, LACKED, replace(told, errno=1), replace(told, filtered=False))))


def test_one_call_more() -> None:
    """A wider filter of the same kind, and the next one has both."""
    allow, kept = allowing()
    first = allow(FILTERED)
    assert first is not None
    assert first.certain
    assert first.choice is not None
    assert '"chmod"' in kept[first.choice.value]
    second = allow(replace(FILTERED, name="mlockall"))
    assert second is not None
    assert second.choice is not None
    names = {name for rule in json.loads(kept[second.choice.value])["syscalls"] for name in rule["names"]}
    assert {"chmod", "mlockall"} <= names


def test_no_call_that_the_engine_s_default_refuses() -> None:
    """A container that knows that it is tried could ask for anything."""
    allow, kept = allowing()
    wider = allow(replace(FILTERED, name="keyctl"))
    assert wider is not None
    assert all('"keyctl"' not in text for text in kept.values())


def test_one_capability_more() -> None:
    """And no other; what is held already is refused for another reason."""
    allow, _ = allowing()
    assert allow(LACKED) == Loosening("capabilities", choice_of("capabilities", "CAP_SETGID,CAP_SETUID"), certain=True)
    assert allow(LACKED) is None


def test_no_capability_that_it_does_not_have_today() -> None:
    """A container that knows that it is tried could ask for anything."""
    allow, _ = allowing()
    assert allow(replace(LACKED, lacked=("CAP_SYS_ADMIN",))) is None
    both = allow(replace(LACKED, lacked=("CAP_SYS_ADMIN", "CAP_SETGID")))
    assert both == Loosening("capabilities", choice_of("capabilities", "CAP_SETGID,CAP_SETUID"), certain=True)


CHROOT = replace(FILTERED, name="chroot", values=(1,), path="/var/lib/web")
AS_USER = (*DERIVED.choices, choice_of("user", "33:33"))


@pytest.mark.parametrize(("engine", "toggle"), [(DOCKER, "seccomp"), (PODMAN, "capabilities")])
def test_a_call_that_the_filter_lets_through_with_a_capability(engine: Engine, toggle: str) -> None:
    """chroot(2): a user who is not root may have it in Podman, which gives the ambient set, and not in Docker."""
    kind = EngineKind.DOCKER if engine is DOCKER else EngineKind.PODMAN
    facts = replace(FACTS, default=MeasuredDefault(kind, engine.version, frozenset(("CAP_SYS_CHROOT",))))
    subject = replace(container(), engine=engine, facts=(("seccomp", facts),), set_uid=())
    allow = Allowing(subject, "learned", lambda text: f"/kept/{len(text)}.json")
    allow.begin(AS_USER)
    first = allow(CHROOT)
    assert first is not None
    assert first.choice is not None
    allow.begin((*(item for item in AS_USER if item.id != "seccomp"), first.choice))  # the filter for these choices
    found = allow(CHROOT)
    assert found is not None
    assert found.toggle == toggle
    if engine is PODMAN:
        assert found.choice == choice_of("capabilities", "CAP_SETUID,CAP_SYS_CHROOT")
    assert allow.counts(CHROOT)
    assert allow.in_vain == (CHROOT,)


def test_low_ports_are_given_to_a_user_of_docker_by_its_network() -> None:
    """It has no capability that root does not give it; a program with one in its file has what the container has."""
    low = replace(LACKED, name="bind", lacked=("CAP_NET_BIND_SERVICE",))
    for engine, set_uid, toggle in (
        (DOCKER, (), "sysctl"), (DOCKER, ("/usr/bin/web",), "capabilities"), (PODMAN, (), "capabilities"),
    ):  # fmt: skip
        allow = Allowing(replace(container(), engine=engine, set_uid=set_uid), "learned", str)
        allow.begin(AS_USER)
        found = allow(low)
        assert found is not None
        assert found.toggle == toggle
        tried = (*(item for item in AS_USER if item.id != "capabilities"), choice_of("capabilities", low.lacked[0]))
        allow.begin(tried)  # it is in the bounding set, and no use there
        found = allow(low)
        assert (None if found is None else found.toggle) == ("sysctl" if toggle == "sysctl" else None)
    allow = Allowing(replace(container(), set_uid=()), "learned", str)
    allow.begin(AS_USER)
    assert allow(replace(low, name="chroot", lacked=("CAP_SYS_CHROOT",))) is None
    less = replace(container().container, asked=replace(container().container.asked, capabilities=()))
    allow = Allowing(replace(container(), container=less, set_uid=()), "learned", str)
    allow.begin(AS_USER)
    assert allow(low) is None  # it may not today


def test_one_place_more_to_write() -> None:
    """Memory where what it would write is temporary; elsewhere that is data, and its root directory stays writable."""
    allow, _ = allowing()
    assert allow(replace(READ_ONLY, path="/run/web/web.pid")) == Loosening(
        "tmpfs", choice_of("tmpfs", "/tmp,/run/web"), certain=True
    )
    for path in ("/var/lib/web/cache", "/var/cache/web/index", "/core"):
        assert allow(replace(READ_ONLY, path=path)) == Loosening("read-only-root", certain=True)
    assert allow(replace(READ_ONLY, path="core")) == Loosening("read-only-root")


def test_what_nothing_of_ours_would_allow() -> None:
    """A file of somebody else; a toggle that was not chosen."""
    allow, _ = allowing()
    assert allow(OTHER) is None
    none, _ = allowing(Resolved(()))
    assert none(LACKED) is None
    assert none(FILTERED) is None
    assert none(READ_ONLY) is None
