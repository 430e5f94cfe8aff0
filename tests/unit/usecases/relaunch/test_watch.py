"""Watching a replacement: what it must come to, what is told meanwhile, and what can't be seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stratascope.core.relaunch.evidence import Clock, Expected, Liveness
from stratascope.core.relaunch.launch_spec import Created, Health
from stratascope.core.relaunch.transaction import Progress, Stage, State
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.preflight import unwatched
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.rollback import recover
from stratascope.usecases.relaunch.watch import LISTEN_MORE, FailedError, Watcher
from stratascope.value import replace
from unit.usecases.memory_engine import CrashError, MemoryEngine
from unit.usecases.relaunch.relaunches import as_before, transaction

Look = Callable[[float], Liveness]


class _Scene:
    """One container that runs in a clock that goes only by sleeping."""

    def __init__(self, before: Liveness, look: Look, health: Health = Health.HEALTHY) -> None:
        self.seconds = 0.0
        self.engine = MemoryEngine()
        self.container = self.engine.add("web")
        self.cancelled = False
        clock = Clock(lambda: self.seconds, self._sleep)
        expected = Expected(before, lambda container: look(self.seconds), health)
        self._watcher = Watcher(self.engine, clock, lambda: self.cancelled, expected)

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def set(self, **changed: object) -> None:
        box = self.engine.boxes[self.container]
        box.running = replace(box.running, **changed)  # type: ignore[arg-type]

    def watch(self, seconds: float = 3.0) -> list[Progress]:
        return list(self._watcher.watch(self.container, seconds))

    def fails(self, seconds: float = 3.0) -> FailedError:
        with pytest.raises(FailedError) as caught:
            self.watch(seconds)
        assert caught.value.failure is not None
        assert caught.value.log == caught.value.failure.log == "last words"
        return caught.value


def _after(moment: float, *ports: int) -> Look:
    return lambda now: Liveness(ports if now >= moment else ())


def test_it_listens_again_in_time() -> None:
    scene = _Scene(Liveness((80, 443)), _after(1.0, 80, 443, 9000))
    told = scene.watch()
    assert 3.0 <= scene.seconds < 3.5
    assert [translate(item.message) for item in told] == [
        "Watch it for 3 s",
        "Waiting until it listens on port 80, 443",
        "Watch it for 3 s",
        "Watch it for 3 s",
    ]
    assert [item.state for item in told] == [State.BEGUN] * 3 + [State.DONE]
    assert {item.step for item in told} == {"watch"}


def test_udp_is_compared_too() -> None:
    scene = _Scene(Liveness((), udp=(53,)), lambda now: Liveness((), udp=(53,) if now > 1 else ()))
    assert scene.watch()[-1].state is State.DONE
    error = _Scene(Liveness((), udp=(53,)), lambda now: Liveness((), udp=())).fails()
    assert translate(error.why) == "It listened on port 53 before, and does not now."
    assert _Scene(Liveness((), udp=(53,)), lambda now: Liveness(())).watch()[-1].state is State.DONE  # not known


def test_it_has_half_a_minute_more_and_no_longer() -> None:
    scene = _Scene(Liveness((80,)), _after(3.0 + LISTEN_MORE - 1, 80))
    assert scene.watch()[-1].state is State.DONE
    assert scene.seconds < 3.0 + LISTEN_MORE
    scene = _Scene(Liveness((80, 443)), _after(0.0, 443))
    error = scene.fails()
    assert translate(error.why) == "It listened on port 80 before, and does not now."
    assert error.failure is not None
    assert error.failure.silent == (80,)
    assert 3.0 + LISTEN_MORE <= scene.seconds < 3.0 + LISTEN_MORE + 1


def test_one_that_stops_listening_before_the_end_fails() -> None:
    scene = _Scene(Liveness((80,)), lambda now: Liveness((80,) if now < 2.0 else ()))
    assert "port 80" in translate(scene.fails().why)


def test_what_the_original_did_not_listen_on_is_not_awaited() -> None:
    for before in (Liveness(()), Liveness(None)):
        scene = _Scene(before, lambda now: Liveness(None))
        assert [item.state for item in scene.watch()] == [State.BEGUN, State.DONE]
    assert [item.code for item in unwatched(Liveness(None))] == ["ports-unknown"]
    assert unwatched(Liveness(())) == ()


def test_what_can_not_be_read_is_told_once_and_fails_nothing() -> None:
    scene = _Scene(Liveness((80,)), lambda now: Liveness(None))
    told = [translate(item.message) for item in scene.watch()]
    assert told.count("Which ports it listens on can't be read, so that is not watched") == 1
    assert scene.seconds < 4.0


def test_a_healthcheck_and_a_port_are_both_awaited() -> None:
    scene = _Scene(Liveness((80,)), _after(0.0, 80))
    scene.set(health=Health.STARTING)
    error = scene.fails()
    assert "health check" in translate(error.why)
    assert scene.seconds > 100


@pytest.mark.parametrize(
    ("before", "now", "fails"),
    [
        (Health.HEALTHY, Health.STARTING, True),
        (Health.HEALTHY, Health.UNHEALTHY, True),
        (Health.STARTING, Health.STARTING, False),  # as on Podman without systemd, which never runs it
        (Health.STARTING, Health.UNHEALTHY, True),
        (Health.UNHEALTHY, Health.STARTING, False),
        (Health.UNHEALTHY, Health.UNHEALTHY, False),
    ],
)
def test_it_need_not_be_healthier_than_the_original(before: Health, now: Health, fails: bool) -> None:
    scene = _Scene(Liveness(()), lambda now: Liveness(()), before)
    scene.set(health=now)
    if fails:
        assert "health check" in translate(scene.fails().why)
        return
    assert scene.watch()[-1].state is State.DONE
    assert scene.seconds < 4.0


@pytest.mark.parametrize(
    ("before", "fails"), [(0, True), (None, True), (3, False)], ids=["never before", "not known", "before as well"]
)
def test_a_process_that_is_killed_for_its_memory(before: int | None, fails: bool) -> None:
    scene = _Scene(Liveness((), before), lambda now: Liveness((), 1 if now > 1 else 0))
    if not fails:
        assert scene.watch()[-1].state is State.DONE
        return
    error = scene.fails()
    assert "needs more memory than its limit allows" in translate(error.why)
    assert error.failure is not None
    assert error.failure.out_of_memory
    assert scene.seconds < 3


def test_one_that_is_killed_itself_says_so() -> None:
    scene = _Scene(Liveness(), lambda now: Liveness())
    scene.set(status="exited", exit_code=137, out_of_memory=True)
    error = scene.fails()
    assert "more memory" in translate(error.why)
    assert error.failure is not None
    assert (error.failure.exit_code, error.failure.out_of_memory) == (137, True)


# Warnings of create


def _go(engine: MemoryEngine, journal: FileJournal, unchanged: str) -> Exchange:
    seconds = [0.0]
    clock = Clock(lambda: seconds[0], lambda more: seconds.__setitem__(0, seconds[0] + more))
    old = next(iter(engine.boxes))
    return Exchange(engine, journal, transaction(engine, old), clock=clock, unchanged=unchanged)


SWAP = '{"warned_of": ["swap"]}'


class _Warning(MemoryEngine):
    """Warns of what is in the request, and names the container that it made."""

    def create(self, body: str, name: str, labels: object) -> Created:
        made = super().create(body, name, labels)  # type: ignore[arg-type]
        texts = json.loads(body).get("warned_of", ()) if body else ()
        return Created(made.id, tuple(f"{text} of {name} ({made.id[:12]}) discarded" for text in texts))


def test_a_warning_that_the_original_would_get_too_is_no_failure(tmp_path: Path) -> None:
    engine = _Warning()
    old = engine.add("web")
    exchange = _go(engine, FileJournal(tmp_path), SWAP)
    exchange.transaction = replace(exchange.transaction, body=SWAP)
    list(exchange.forward(1.0))
    exchange.enter(Stage.VERIFIED)
    assert exchange.finish().stage is Stage.DONE
    assert set(engine.boxes) == {old, exchange.transaction.new}


def test_a_new_warning_is_a_failure_with_the_engines_words(tmp_path: Path) -> None:
    engine = _Warning()
    old = engine.add("web")
    journal = FileJournal(tmp_path)
    exchange = _go(engine, journal, SWAP)
    exchange.transaction = replace(exchange.transaction, body='{"warned_of": ["swap", "memory limit"]}')
    with pytest.raises(FailedError) as caught:
        list(exchange.forward(1.0))
    assert "memory limit" in caught.value.words
    assert "swap" not in caught.value.words
    assert caught.value.failure is not None
    recover(engine, journal, exchange.transaction)
    as_before(engine, old)


def test_without_warnings_nothing_more_is_created(tmp_path: Path) -> None:
    engine = _Warning()
    engine.add("web")
    exchange = _go(engine, FileJournal(tmp_path), SWAP)
    exchange.transaction = replace(exchange.transaction, body="")
    list(exchange.forward(1.0))
    assert engine.calls.count("create") == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(4))
def test_killed_while_warnings_are_compared(tmp_path: Path, when: str, number: int) -> None:
    """Calls: create, create the same once more, remove that, …: none of them may leave anything behind."""
    engine = _Warning()
    old = engine.add("web")
    journal = FileJournal(tmp_path)
    exchange = _go(engine, journal, SWAP)
    exchange.transaction = replace(exchange.transaction, body=SWAP)

    def kill(call: int, name: str) -> None:
        if call == number:
            raise CrashError

    setattr(engine, when, kill)
    with pytest.raises(CrashError):
        list(exchange.forward(1.0))
    engine.before = engine.after = lambda call, name: None
    for found in journal.all():
        recover(engine, journal, found)  # type: ignore[arg-type]
    as_before(engine, old)
