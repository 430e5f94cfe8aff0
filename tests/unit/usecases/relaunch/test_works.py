"""What shows that a replacement works, and what is in doubt whatever its ports say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from rig.usecases.memory_access import ENGINE, MemoryAccess, Seconds
from stratascope.core.container import Asked, Container, EngineKind, ProfileKind, Status
from stratascope.core.message import Message, msg
from stratascope.core.observation.imports import Program, Programs
from stratascope.core.observation.observation import (
    Observation,
    Phase,
    Seen,
    UsedCall,
    UsedCapability,
    UsedPort,
)
from stratascope.core.relaunch.evidence import Ask, Liveness, PortReply, Reply
from stratascope.core.relaunch.launch_spec import Health, LaunchSpec, RuntimeState
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import choice_of
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Caution, Preflight
from stratascope.usecases.relaunch.proof import Shown, ask_original, look_at
from stratascope.usecases.relaunch.watch import FailedError
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine

PAGE, ERROR = PortReply(80, Reply.HTTP, "200"), PortReply(80, Reply.HTTP, "500")
SSHD = Program("/usr/sbin/sshd", ("setuid", "pam_open_session"))


@dataclass
class Answering(MemoryAccess):
    """It answers so, to whoever asks; None: it can't be reached."""

    says: tuple[PortReply, ...] | None = (PAGE,)
    asked: list[str] = field(default_factory=list)

    def answers(self, container: str, asks: Sequence[Ask]) -> tuple[PortReply, ...] | None:
        self.asked.append(container)
        ports = {ask.port for ask in asks}
        return None if self.says is None else tuple(each for each in self.says if each.port in ports)


class Scene:
    """A container that runs in a memory engine."""

    def __init__(self, folder: Path) -> None:
        self.engine = MemoryEngine()
        self.id = self.engine.add("web")
        self.access = Answering(self.engine, FileJournal(folder), clock=Seconds().clock())

    def plan(
        self,
        *chosen: str,
        listens: tuple[int, ...] | None = (80,),
        health: Health = Health.NONE,
        cautions: tuple[Caution, ...] = (),
        programs: Programs | None = None,
    ) -> Plan:
        box = self.engine.boxes[self.id]
        box.running = replace(box.running, health=health)
        container = Container(ENGINE.id, self.id, "web", "image", Status.RUNNING, 1, 0.0, 0.0)
        state = RuntimeState(health=health, healthcheck=health is not Health.NONE)
        spec = LaunchSpec("memory", EngineKind.DOCKER, self.id, "web", "image", "", Asked(), "{}", "{}", state=state)
        choices = tuple(choice_of(*text.split("=", 1)) for text in chosen)
        subject = Subject(container, ENGINE, (), programs=programs or Programs((Program("/x", ("read",)),)))
        return Plan(cast(ContainerState, None), subject, spec, choices, Asked(), "{}", Preflight((), cautions),
                    before=Liveness(listens))  # fmt: skip

    def look(self, made: Plan, before: tuple[PortReply, ...] | None = (PAGE,), exercised: Sequence[str] = (),
             cancelled: Callable[[], bool] = lambda: False) -> Shown:  # fmt: skip
        return look_at(self.access, made, before, self.id, exercised=exercised, cancelled=cancelled)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def with_options(made: Plan, asked: Asked) -> Plan:
    """The plan of a container with these options."""
    container = replace(made.subject.container, asked=asked)
    return replace(
        made, spec=replace(made.spec, asked=asked), subject=replace(made.subject, container=container), wanted=asked
    )


def said(messages: Sequence[Message]) -> str:
    return " ".join(f"{each.id} {dict(each.args)}" for each in messages)


def test_a_port_that_answers_as_before_shows_it(scene: Scene) -> None:
    shown = scene.look(scene.plan())
    assert (shown.works, len(shown.compared)) == (True, 1)
    assert "health check" in said(shown.not_compared)


def test_one_that_answers_in_another_way_does_not_work(scene: Scene) -> None:
    scene.access.says = (ERROR,)
    shown = scene.look(scene.plan(health=Health.HEALTHY))
    assert shown.works is False, "whatever its healthcheck says"
    assert shown.why is not None


@pytest.mark.parametrize(
    ("before", "listens"),
    [(None, None), ((), ()), (None, (80,)), ((PortReply(80, Reply.SILENT),), (80,)), ((ERROR,), (80,))],
)
def test_what_could_not_be_compared_is_told(
    scene: Scene, before: tuple[PortReply, ...] | None, listens: tuple[int, ...] | None
) -> None:
    scene.access.says = before
    shown = scene.look(scene.plan(listens=listens), before)
    assert (shown.works, shown.compared) == (None, ()), "nothing showed that it works"
    assert shown.not_compared
    shown = scene.look(scene.plan("read-only-root=on", listens=listens), before)
    assert (shown.works, shown.compared) == (None, ())
    assert len(shown.not_compared) >= 3, "each reason is told"


def test_one_that_can_not_be_reached_any_more_shows_nothing(scene: Scene) -> None:
    scene.access.says = None
    assert scene.look(scene.plan()).works is None


def test_a_healthcheck_shows_it(scene: Scene) -> None:
    assert scene.look(scene.plan(listens=(), health=Health.HEALTHY), ()).works
    unhealthy = scene.look(scene.plan(listens=(), health=Health.UNHEALTHY), ())
    assert "did not report healthy" in said(unhealthy.not_compared)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("read-only-root=on", "what it writes on request"),
        ("user=1000", "as that user"),
        ("seccomp=default", "what it calls on request"),
        ("pid=private", "Whether it uses what this takes back"),
        ("privileged=off", "Whether it uses what this takes back"),
    ],
)
def test_what_concerns_all_that_it_does_takes_more_than_an_answer(scene: Scene, chosen: str, words: str) -> None:
    """HTTP 200 at / is not what it is for. An exercise, a healthcheck or what it was seen doing shows it."""
    given = Asked(pid_mode="host", seccomp=ProfileKind.UNCONFINED, privileged=chosen.startswith("privileged"))
    made = with_options(scene.plan(chosen), given)
    shown = scene.look(made)
    assert (shown.works, len(shown.compared)) == (None, 1)
    assert words in said(shown.not_compared)
    assert scene.look(made, exercised=("ask it",)).works
    healthy = with_options(scene.plan(chosen, health=Health.HEALTHY), given)
    assert scene.look(healthy).works
    assert words not in said(scene.look(healthy).not_compared)


def test_what_was_seen_and_not_tried_again_is_named(scene: Scene) -> None:
    seen = Observation(
        Seen(60.0, 1, phases=(Phase.START, Phase.CHILDREN, Phase.SAVE)),
        (UsedCapability("CAP_CHOWN", True, 1, ("tar",)),),
        (UsedCall("x86_64", "mknod", 1, ("tar",)), UsedCall("x86_64", "read", 9, ("tar",))),
        executed=("/bin/web", "/usr/bin/tar"),
        written=("/backup",),
    )
    made = with_options(scene.plan("read-only-root=on"), Asked())
    made = replace(made, subject=replace(made.subject, seen=seen))
    twin = Observation(Seen(5.0, 1), executed=("/bin/web",))
    shown = look_at(scene.access, made, (PAGE,), scene.id, repeated=twin)
    assert shown.works is None
    assert "tar, CHOWN, mknod, /backup" in said(shown.not_compared)
    assert "It saved data" in said(shown.not_compared)
    shown = look_at(scene.access, made, (PAGE,), scene.id, exercised=("back up",), repeated=twin)
    assert shown.works, "whoever exercises it says what counts"
    assert "tar, CHOWN" in said(shown.not_compared), "and is told what they left out"
    shown = look_at(scene.access, made, (PAGE,), scene.id, repeated=seen)
    assert shown.works
    assert "did again all that it was seen doing" in said(shown.compared)


def test_what_only_clients_do_is_not_tried_by_a_probe(scene: Scene) -> None:
    """What happens inside a program looks like any other request, and who asked may have been a twin's probe."""
    made = with_options(scene.plan("read-only-root=on"), Asked())
    for outside in (True, False):
        seen = Observation(Seen(60.0, 1, phases=(Phase.REQUESTS,)), ports=(UsedPort("tcp", 80, False, outside),))
        twin = Observation(Seen(5.0, 1, phases=(Phase.REQUESTS,)), ports=(UsedPort("tcp", 80, False, False),))
        known = replace(made, subject=replace(made.subject, seen=seen))
        assert look_at(scene.access, known, (PAGE,), scene.id, repeated=twin).works is None
    idle = replace(made, subject=replace(made.subject, seen=Observation(Seen(60.0, 1, phases=(Phase.START,)))))
    assert look_at(scene.access, idle, (PAGE,), scene.id, repeated=Observation(Seen(5.0, 1))).works is None


def test_what_its_programs_could_do_on_request_is_in_doubt_but_for_an_exercise(scene: Scene) -> None:
    made = scene.plan("drop=CAP_SETUID", programs=Programs((SSHD,)), health=Health.HEALTHY)
    made = replace(made, subject=replace(made.subject, container=replace(made.subject.container, asked=Asked(
        capabilities=("CAP_SETUID", "CAP_KILL")))))  # fmt: skip
    shown = scene.look(made)
    assert (shown.works, len(shown.compared)) == (None, 2)
    assert "sshd (setuid)" in said(shown.not_compared)
    shown = scene.look(made, exercised=("ssh it true",))
    assert shown.works
    assert "ssh it true" in said(shown.compared)
    assert "sshd" not in said(shown.not_compared)


@pytest.mark.parametrize("code", ["dac-override", "owners"])
def test_files_that_it_can_no_longer_use_are_in_doubt(scene: Scene, code: str) -> None:
    text = msg("Files of other users that it could no longer write: {paths}.", paths="/data")
    shown = scene.look(scene.plan(cautions=(Caution(code, text),)))
    assert (shown.works, shown.not_compared[0]) == (None, text)
    assert scene.look(scene.plan(cautions=(Caution("log", text),))).works


def test_an_exercise_counts_for_nothing_where_a_port_answers_in_another_way(scene: Scene) -> None:
    scene.access.says = (ERROR,)
    assert scene.look(scene.plan(), exercised=("true",)).works is False


def test_one_that_ends_meanwhile_is_told(scene: Scene) -> None:
    scene.access.says = (ERROR,)
    made = scene.plan()
    box = scene.engine.boxes[scene.id]
    box.running = replace(box.running, status="exited", exit_code=3)
    with pytest.raises(FailedError):
        scene.look(made)
    with pytest.raises(FailedError):
        scene.look(scene.plan(), cancelled=lambda: True)


def test_the_original_is_asked_once_and_not_where_there_is_nothing_to_ask(scene: Scene) -> None:
    assert ask_original(scene.access, scene.plan(listens=())) == ()
    assert ask_original(scene.access, scene.plan(listens=None)) is None
    assert scene.access.asked == []
    assert ask_original(scene.access, scene.plan()) == (PAGE,)
    assert scene.access.asked == [scene.id]
