"""A log on its way to the window: bounded at any speed, continued where it stopped, closed at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import shiboken6
from pytestqt.qtbot import QtBot

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import LogLine, RefusedError
from stratascope.ui.daily.log_window import LINES, PORTION, LogFeed
from stratascope.ui.kit.background import Failure


class Stream:
    """A container's output, made by hand; `wait`: it goes on until it is closed."""

    def __init__(self, *found: LogLine, wait: bool = False) -> None:
        self.found, self.wait = found, wait
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[LogLine]:
        yield from self.found
        if self.wait:
            self.closed.wait()

    def close(self) -> None:
        self.closed.set()


def test_one_that_prints_faster_than_can_be_shown_loses_its_older_lines(qtbot: QtBot) -> None:
    many = Stream(*(LogLine("now", str(number)) for number in range(3 * LINES)))
    feed = LogFeed(lambda count, since: many)
    got: list[str] = []
    left: list[int] = []
    sizes: list[int] = []

    def came(lines: list[str], left_out: int) -> None:
        got.extend(lines)
        left.append(left_out)
        sizes.append(len(lines))

    feed.came.connect(came)
    with qtbot.waitSignal(feed.ended):
        feed.start()
    assert got[-1] == str(3 * LINES - 1)
    assert len(got) + sum(left) == 3 * LINES
    assert max(sizes) <= PORTION
    feed.stop()


def test_it_is_read_on_from_where_it_was_and_nothing_is_told_twice(qtbot: QtBot) -> None:
    first = Stream(LogLine("1", "a"), LogLine("2", "b"), LogLine("2", "b"))
    again = Stream(LogLine("2", "b"), LogLine("2", "b"), LogLine("2", "b"), LogLine("3", "c"))
    streams, asked, got = [first, again], list[str](), list[str]()

    def read(count: int, since: str) -> Stream:
        asked.append(since)
        return streams.pop(0)

    feed = LogFeed(read)
    feed.came.connect(lambda lines, _: got.extend(lines))
    for _ in range(2):
        with qtbot.waitSignal(feed.ended):
            feed.start()
    assert asked == ["", "2"]
    assert got == ["a", "b", "b", "b", "c"]
    feed.stop()


def test_why_it_cannot_be_read_is_told(qtbot: QtBot) -> None:
    def read(count: int, since: str) -> Stream:
        raise RefusedError(EngineState.CONNECTED, msg("No."), "its words")

    feed = LogFeed(read)
    with qtbot.waitSignal(feed.ended) as told:
        feed.start()
    assert told.args is not None
    assert isinstance(told.args[0], Failure)
    feed.stop()


def test_closing_ends_the_stream(qtbot: QtBot) -> None:
    stream = Stream(LogLine("1", "a"), wait=True)
    feed = LogFeed(lambda count, since: stream)
    with qtbot.waitSignal(feed.came):
        feed.start()
    feed.stop()
    assert stream.closed.is_set()


def test_a_stream_that_ends_after_its_window_is_gone_harms_nothing(qtbot: QtBot) -> None:
    """An exception in a thread fails any test."""
    begun, gate = threading.Event(), threading.Event()

    class Late(Stream):
        def __iter__(self) -> Iterator[LogLine]:
            begun.set()
            gate.wait()
            yield from self.found

    feed = LogFeed(lambda count, since: Late(LogLine("now", "a")))
    before = set(threading.enumerate())
    feed.start()
    begun.wait()
    (reading,) = set(threading.enumerate()) - before
    feed.stop()
    shiboken6.delete(feed)
    gate.set()
    reading.join()
    assert not reading.is_alive()
