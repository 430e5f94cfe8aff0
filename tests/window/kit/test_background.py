"""Background requests: no lane waits for another, each keeps its order, of a topic only the newest is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.ui.kit.background import Bell, Failure, QueryRunner

AWAY = EngineError(EngineState.STOPPED, msg("It is stopped."), "connection refused")


@pytest.fixture
def queries(qtbot: QtBot) -> Iterator[QueryRunner]:
    made = QueryRunner()
    yield made
    made.end()


def test_no_lane_waits_for_another_and_each_keeps_its_order(qtbot: QtBot, queries: QueryRunner) -> None:
    gate, told = threading.Event(), list[str]()

    def slow() -> str:
        gate.wait()
        return "slow"

    queries.ask("plan", slow, told.append, lane="docker")
    queries.ask("offer", lambda: "after it", told.append, lane="docker")
    queries.ask("hint", lambda: "other engine", told.append, lane="podman")
    queries.ask("docker", lambda: "no engine", told.append)  # a topic is no engine, even if it has an engine's name
    try:
        qtbot.waitUntil(lambda: sorted(told) == ["no engine", "other engine"])
    finally:
        gate.set()
    qtbot.waitUntil(lambda: told[2:] == ["slow", "after it"])


def test_of_a_topic_the_newest_counts_whatever_its_lane(qtbot: QtBot, queries: QueryRunner) -> None:
    gate, told = threading.Event(), list[str]()
    queries.ask("plan", gate.wait, lambda _: told.append("old"), lane="docker")
    queries.ask("plan", lambda: "new", told.append, lane="podman")
    qtbot.waitUntil(lambda: told == ["new"])
    gate.set()
    queries.ask("end", lambda: "end", told.append, lane="docker")
    qtbot.waitUntil(lambda: told[-1] == "end")
    assert told == ["new", "end"]


def test_a_fault_of_ours_is_logged_and_the_lane_lives_on(
    qtbot: QtBot, queries: QueryRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, told = list[object](), list[object]()
    monkeypatch.setattr(threading, "excepthook", lambda args: logged.append(args.exc_type))
    queries.ask("plan", lambda: dict[str, str]()["absent"], told.append, lane="docker")
    queries.ask("offer", lambda: "after it", told.append, lane="docker")
    qtbot.waitUntil(lambda: told[1:] == ["after it"])
    assert isinstance(told[0], Failure)
    assert logged == [KeyError]


def test_a_failure_is_an_answer_and_after_the_end_there_is_none(qtbot: QtBot, queries: QueryRunner) -> None:
    told = list[object]()

    def fails() -> None:
        raise AWAY

    queries.ask("plan", fails, told.append, lane="docker")
    qtbot.waitUntil(lambda: len(told) == 1)
    assert isinstance(told[0], Failure)
    assert told[0].words == "connection refused"
    before = threading.active_count()
    queries.end()
    queries.end()
    queries.ask("plan", lambda: "late", told.append, lane="docker")
    qtbot.waitUntil(lambda: threading.active_count() < before)
    assert len(told) == 1


def test_a_bell_is_heard_on_the_windows_thread_once_for_all_that_rang_until_then(qtbot: QtBot) -> None:
    there, heard = list[int](), list[tuple[int, bool]]()
    bell = Bell(lambda: heard.append((len(there), threading.current_thread() is threading.main_thread())))

    def ring() -> None:
        for number in range(1000):
            there.append(number)
            bell.ring()

    ringing = threading.Thread(target=ring)
    ringing.start()
    ringing.join()  # nothing is heard until the window's thread handles events
    assert heard == []
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [(1000, True)]
    bell.ring()
    qtbot.waitUntil(lambda: len(heard) == 2)
