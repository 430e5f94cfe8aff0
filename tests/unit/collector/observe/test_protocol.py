"""Lines as they go out to one who takes them slowly, in pieces or not at all: none is cut, or missing uncounted."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.collector.observe import protocol
from stratascope.collector.observe.protocol import Lines

PAGE = os.sysconf("SC_PAGE_SIZE")


class Listener:
    """Who is at the other end of an observer whose time is over, and has room for a page or so."""

    def __init__(self, kind: str = "pipe") -> None:
        requests, self._ours = os.pipe()
        if kind == "socket":
            output, reader = socket.socketpair()
            output.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least that it may be
            self._reader, replies = reader.detach(), output.detach()
        else:
            self._reader, replies = os.pipe()
            fcntl.fcntl(replies, fcntl.F_SETPIPE_SZ, PAGE)
        os.set_blocking(self._reader, False)
        os.set_blocking(replies, kind == "pipe")
        self._open = {requests, self._ours, self._reader, replies}
        self.replies = replies
        self.lines = Lines(requests, replies, 0.0)
        self.got = b""

    def end_input(self) -> None:
        self._close(self._ours)

    def go_away(self) -> None:
        self._close(self._reader)

    def read(self, most: int = 1 << 20) -> bool:
        """Whether there was something."""
        before = len(self.got)
        with contextlib.suppress(BlockingIOError):
            self.got += os.read(self._reader, most)
        return len(self.got) > before

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Meanwhile, by a thread, to the end of the output."""
        os.set_blocking(self._reader, True)
        thread = threading.Thread(target=lambda: [None for _ in iter(lambda: self.read(100), False)])
        thread.start()
        try:
            yield
        finally:
            self._close(self.replies)
            thread.join()

    def rest(self) -> bytes:
        """All that has come once nothing is left."""
        while self.read() or self.lines.write(last=True) or self.read():
            pass
        return self.got

    def close(self) -> None:
        for each in tuple(self._open):
            self._close(each)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


@pytest.fixture(autouse=True, scope="module")
def _nobody_waits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "LAST", 0.0)
        yield


def counted(text: bytes) -> int:
    """How many events these lines stand for, all of them whole."""
    assert text.endswith(b"\n") or not text
    events = [json.loads(line) for line in text.splitlines()]
    assert all(len(event[3]) == event[2] for event in events if event[0] == "log")
    return sum(event[2] if event[0] == "lost" else 1 for event in events)


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(1, 3 * PAGE)),
        st.tuples(st.just("write"), st.integers(0, 1)),
        st.tuples(st.just("read"), st.integers(1, 2 * PAGE)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=30,
)


@given(st.sampled_from(["pipe", "one that does not block", "socket"]), _steps)
def test_no_line_is_cut_whatever_is_given_up(kind: str, steps: list[tuple[str, int]]) -> None:
    """What comes once somebody listens again begins after the end of the line that was under way."""
    listener = Listener(kind)
    told = 0
    for step, value in steps:
        if step == "tell":
            listener.lines.now("log", value, "x" * value)
            told += 1
        elif step == "write":
            listener.lines.write(last=bool(value))
        elif step == "read":
            listener.read(value)
        else:
            listener.end_input()
    assert counted(listener.rest()) == told
    listener.close()


@pytest.mark.parametrize("room", [1, 7, PAGE])
def test_a_write_that_takes_a_part_or_nothing(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    listener = Listener()
    write, turns = os.write, itertools.cycle([0, room])

    def sometimes(descriptor: int, data: bytes) -> int:
        most = next(turns)
        if not most:
            raise BlockingIOError
        return write(descriptor, data[:most])

    monkeypatch.setattr(os, "write", sometimes)
    for _ in range(100):
        listener.lines.now("log", 100, "x" * 100)
        listener.lines.write()
    assert counted(listener.rest()) == 100
    listener.close()


def test_what_has_come_when_the_time_is_over_is_told_to_who_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LAST", 600.0)
    listener = Listener()
    with listener.reading():
        for number in range(1000):
            listener.lines.now("log", number, "x" * number)
        assert listener.lines.write() == "the time is over"
        listener.lines.now("end", "the time is over")
        assert listener.lines.write(last=True) == ""
    events = [json.loads(line) for line in listener.got.splitlines()]
    assert [len(event[3]) for event in events[:-1]] == list(range(1000))
    assert events[-1][0] == "end"
    listener.close()


def test_who_is_gone_is_told_nothing() -> None:
    listener = Listener()
    listener.lines.now("log", 1, "x")
    listener.go_away()
    assert [listener.lines.write(last=last) for last in (False, True)] == ["nobody listens"] * 2
    listener.close()


LINES: list[list[Any]] = [
    ["log", 0.1, 3, "abc"],
    ["lost", 0.2, 7],
    ["log", 0.3, 12, '["end",1]\n\u00e9x'],
    ["end", 0.4, "it was ended"],
]
WHOLE = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in LINES).encode()


@pytest.mark.parametrize("last", [False, True])
def test_cut_at_every_byte(monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    """There was room for so many bytes when the time was over: what was begun is ended before all else."""
    write = os.write
    for room in range(len(WHOLE) + 1):
        left = [room]
        with monkeypatch.context() as patch:
            listener = Listener()

            def sent(descriptor: int, data: bytes, left: list[int] = left) -> int:
                done = write(descriptor, data[: left[0]])
                left[0] -= done
                return done

            def ready(listener: Listener = listener, left: list[int] = left) -> Any:
                return SimpleNamespace(
                    register=lambda *_: None,
                    unregister=lambda *_: None,
                    poll=lambda _: [(listener.replies, select.POLLOUT)] if left[0] else [],
                )

            patch.setattr(os, "write", sent)
            patch.setattr(protocol, "select", SimpleNamespace(**{**vars(select), "poll": ready}))
            for kind, at, *fields in LINES:
                listener.lines.tell(round(at * 1e9), kind, *fields)
            listener.lines.write(last=last)
            listener.read()
            assert WHOLE.startswith(listener.got)
            assert len(listener.got) == room
        got = listener.rest()
        assert got.endswith(b"\n") or not got
        events = [json.loads(line) for line in got.splitlines()]
        kept = [event for event in events if event in LINES]
        assert kept == LINES[: len(kept)]
        told = sum(event[2] if event[0] == "lost" else 1 for event in events)
        assert told == sum(line[2] if line[0] == "lost" else 1 for line in LINES), room
        listener.close()
