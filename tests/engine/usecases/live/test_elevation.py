"""Root on request in the live view, on a real engine: asked once, refused without harm, lost without harm."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from typing import Any

import pytest

from rig.engine import Rig
from rig.usecases.screen import Screen, named, watching
from stratascope.collector.filters import why_not
from stratascope.core.capture import Gap
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState, Snapshot
from stratascope.layers import all_layers
from stratascope.probe.helper.elevated import ElevatedProber, NoRootError, RootCommand, RootMethod
from stratascope.probe.piped import command
from stratascope.usecases.live.live_view import LiveView
from stratascope.usecases.live.root_readings import Elevation, RootAccess
from stratascope.value import replace

needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root")
WANTS = ("seccomp:*", "owner:net")


class Access:
    """Root without a question, or a refusal; `open` waits for `answered`."""

    command = "pkexec the-helper"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.answered = threading.Event()
        self.opened: list[ElevatedProber] = []

    def open(self) -> Prober:
        self.answered.wait()
        if self.error is not None:
            raise self.error
        prober = ElevatedProber(RootCommand(RootMethod.ROOT, tuple(command((), "/usr/bin/python3"))))
        prober.begin()
        self.opened.append(prober)
        return prober


class Asking:
    """The layer of access control, asking for what only root can read; the others as they are."""

    privileged_wants = WANTS

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


def asking(rig: Rig, access: RootAccess) -> AbstractContextManager[tuple[LiveView, Screen]]:
    layers: list[Any] = [Asking(layer) if layer.id == "mac" else layer for layer in all_layers()]
    return watching(rig, layers=tuple(layers), root=access)


def text(state: ContainerState | None, name: str) -> str | Gap | None:
    return None if state is None or state.capture is None else state.capture.text(name)


def has_filter(snapshot: Snapshot, name: str) -> bool:
    return isinstance(text(named(snapshot, name), "seccomp:0"), str)


@needs_root
def test_on_request_for_those_there_and_those_to_come(docker_rootful: Rig) -> None:
    access = Access()
    try:
        with docker_rootful.container(name="there"), asking(docker_rootful, access) as (watch, screen):
            first = screen.wait(lambda s: (c := named(s, "there")) is not None and c.capture is not None)
            assert first.privilege == Privilege(PrivilegeState.IDLE, "pkexec the-helper")
            assert not has_filter(first, "there")
            watch.elevate()
            watch.elevate()
            screen.wait(lambda s: s.privilege.state is PrivilegeState.ASKING)
            access.answered.set()
            screen.wait(lambda s: s.privilege.state is PrivilegeState.ON and has_filter(s, "there"))
            with docker_rootful.container(name="to-come"):
                screen.wait(lambda s: has_filter(s, "to-come"))
            assert len(access.opened) == 1
            capture = watch.capture()
            assert capture is not None
            (item,) = [each for each in capture.containers if each.found and '"/there"' in each.raw.inspect]
            assert item.found is not None
            assert "seccomp:0" in tuple(item.found.first.names())
            # the collector is killed: told once, and all else goes on
            child = access.opened[0].child
            assert child is not None
            child.kill()
            watch.refresh()
            lost = screen.wait(lambda s: s.privilege.state is PrivilegeState.REFUSED)
            assert lost.privilege.message is not None
            gone = screen.wait(lambda s: isinstance(text(named(s, "there"), "seccomp:*"), Gap))
            state = named(gone, "there")
            assert state is not None
            assert isinstance(text(state, "status"), str)
            watch.elevate()
            screen.wait(lambda s: s.privilege.state is PrivilegeState.ON and has_filter(s, "there"))
    finally:
        for prober in access.opened:
            prober.close()


def test_a_refusal_leaves_everything_as_it_was(docker_rootful: Rig) -> None:
    access = Access(NoRootError(msg("Refused."), "Request dismissed"))
    access.answered.set()
    with docker_rootful.container(name="there"), asking(docker_rootful, access) as (watch, screen):
        before = screen.wait(lambda s: (c := named(s, "there")) is not None and c.capture is not None)
        watch.elevate()
        after = screen.wait(lambda s: s.privilege.state is PrivilegeState.REFUSED)
        assert after.privilege.message == msg("Refused.")
        assert after.privilege.words == "Request dismissed"
        one, other = named(before, "there"), named(after, "there")
        assert one is not None
        assert other is not None
        first, second = (
            [(each.id, each.asked, each.assessment.verdict, each.id == "cgroup" or each.facts) for each in state.layers]
            for state in (one, other)
        )
        assert first == second, "but for what it uses meanwhile"
        assert one.capture is not None
        assert other.capture is not None
        assert list(one.capture.names()) == list(other.capture.names())


def test_an_open_question_does_not_hold_up_the_end(docker_rootful: Rig) -> None:
    access = Access(NoRootError(msg("Refused.")))
    try:
        with asking(docker_rootful, access) as (watch, screen):
            screen.wait(lambda s: bool(s.engines))
            watch.elevate()
            screen.wait(lambda s: s.privilege.state is PrivilegeState.ASKING)
    finally:
        access.answered.set()


@pytest.mark.parametrize("error", [ProbeError(msg("No."), "no"), RuntimeError("a fault of ours")])
def test_states(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    access = Access(error)
    access.answered.set()
    seen: list[PrivilegeState] = []
    elevation = Elevation(access, lambda: seen.append(elevation.privilege.state))
    used: list[Prober] = []
    for _ in range(2):
        assert elevation.begin()
        assert not elevation.begin()
        elevation.ask(used.append)
    assert seen == [PrivilegeState.ASKING, PrivilegeState.REFUSED] * 2
    assert used == []
    assert replace(elevation.privilege, message=None).words
    caplog.clear()


def test_without_a_way_there_is_nothing_to_ask() -> None:
    elevation = Elevation(None, lambda: None)
    assert not elevation.begin()
    assert elevation.privilege.state is PrivilegeState.ABSENT
