"""What is refused to a replacement, told as it comes: what is new, what would allow just that, and all of it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.usecases.memory_access import ENGINE, MemoryAccess
from stratascope.core.container import EngineKind
from stratascope.core.observation.events import (
    Begin,
    Call,
    Event,
    Failed,
    Process,
)
from stratascope.core.observation.observation import ObserverRequest, RefusedCall
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.linux.syscalls import Abi, names
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Preflight
from stratascope.usecases.tighten.afterwards import Afterwards, refused
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine
from unit.usecases.tighten.watched import WEB, container

CHOICES = (choice_of("read-only-root", "on"), choice_of("tmpfs", "/tmp"), choice_of("capabilities", "none"))
NUMBER = {name: number for number, name in names(Abi.X86_64).items()}["openat"]
READ_ONLY = 30  # EROFS


class Observer:
    """Says what it is given, and then ends."""

    def __init__(self, *events: Event) -> None:
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        for event in (Begin(0.0, 1, "test"), Process(0.0, 7, 1, "exec", "web", "/usr/bin/web"), *events):
            self._events.put(event)
        self._events.put(None)
        self.target: ObserverRequest | None = None

    def begin(self, target: ObserverRequest) -> Observer:
        self.target = target
        return self

    def __iter__(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            yield event

    def close(self) -> None:
        self._events.put(None)


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine()


@pytest.fixture
def access(engine: MemoryEngine, tmp_path: Path) -> MemoryAccess:
    return MemoryAccess(engine, FileJournal(tmp_path))


def made() -> Plan:
    subject = container()
    spec = LaunchSpec("memory", EngineKind.DOCKER, "o" * 64, "web", "image", "", subject.container.asked, "{}", "{}",
                      RestartPolicy("always"))  # fmt: skip
    state = ContainerState(subject.container, ())
    return Plan(state, subject, spec, CHOICES, subject.container.asked, "{}", Preflight((), ()), frozenset())


def would_write(path: str) -> Failed:
    return Failed(1.0, 7, "x86_64", NUMBER, READ_ONLY, True, (), path, 1)


def test_each_is_told_once_with_what_would_allow_just_that(access: MemoryAccess, engine: MemoryEngine) -> None:
    number = engine.add("web")
    observer = Observer(would_write("/run/web/a"), would_write("/var/lock/b"), would_write("/run/web/a"))
    found = list(refused(access, lambda: observer, made(), number, 5.0))
    assert observer.target is not None
    assert (observer.target.pid, observer.target.container) == (7, number)
    assert found[0] == Afterwards((), CHOICES), "that it has begun is told first"
    last = found[-1]
    assert [translate(each.text).partition(" would")[0] for each in last.refusals] == [
        "web: openat(/run/web/a)",
        "web: openat(/var/lock/b)",
    ]
    alone = [each.loosening.choice for each in last.refusals if each.loosening is not None]
    assert alone == [choice_of("tmpfs", "/tmp,/run/web"), choice_of("tmpfs", "/tmp,/var/lock")]
    assert last.choices == (CHOICES[0], choice_of("tmpfs", "/tmp,/run/web,/var/lock"), CHOICES[2])
    assert not last.ended


def test_what_its_original_was_refused_is_no_news(access: MemoryAccess, engine: MemoryEngine) -> None:
    plan = made()
    before = RefusedCall("web", "x86_64", "openat", READ_ONLY, False, (), "/srv/a", ())
    plan = replace(plan, subject=replace(plan.subject, seen=replace(WEB, denied=(before,))))
    *_, last = refused(access, lambda: Observer(would_write("/srv/a")), plan, engine.add("web"), 5.0)
    assert last == Afterwards((), CHOICES)


def test_where_something_was_given_what_still_refuses_is_told_and_what_passes(
    access: MemoryAccess, engine: MemoryEngine
) -> None:
    """The original was refused two calls by its filter: one passes, the other is refused by the next layer."""
    plan = made()
    before = tuple(RefusedCall("web", "x86_64", name, 1, True, (), "", ()) for name in ("mount", "chroot"))
    plan = replace(
        plan,
        choices=(*CHOICES, choice_of("seccomp", "+mount,chroot")),
        subject=replace(plan.subject, seen=replace(WEB, denied=before)),
    )
    calls = {name: number for number, name in names(Abi.X86_64).items()}
    events = (
        Call(1.0, 7, "x86_64", calls["mount"], 1),
        Call(1.0, 7, "x86_64", calls["chroot"], 1),
        Failed(1.0, 7, "x86_64", calls["chroot"], 1, True, (), "/x", 1),
    )
    *_, last = refused(access, lambda: Observer(*events), plan, engine.add("web"), 5.0)
    assert last.passed == ("mount",)
    assert [translate(each.text) for each in last.refusals] == ["web: chroot(/x) is refused (EPERM)."]


def test_that_it_ended_is_told(access: MemoryAccess, engine: MemoryEngine) -> None:
    number = engine.add("web")
    watch = refused(access, Observer, made(), number, 5.0)
    assert not next(watch).ended
    engine.stop(number, 0)
    assert list(watch)[-1].ended


def test_what_can_not_be_watched_says_why(access: MemoryAccess, engine: MemoryEngine) -> None:
    number = engine.add("web", status="exited")
    with pytest.raises(ProbeError, match="exited by itself"):
        next(refused(access, Observer, made(), number, 5.0))
    access.engine = replace(ENGINE, endpoint="ssh://there", kind=EngineKind.DOCKER)
    with pytest.raises(ProbeError, match="another machine"):
        next(refused(access, Observer, made(), number, 5.0))
