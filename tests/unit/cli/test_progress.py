"""The progress line: on a terminal, and nowhere else; one line, whatever its width; clean at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import stratascope
from stratascope.presentation.terminal import width_of

APP = str(Path(stratascope.__file__).parents[1])

WAITS = """
import sys, time
from stratascope.cli.output import complain, interrupted, write
from stratascope.cli.progress import progress
from stratascope.core.message import msg
progress.begin(msg("Asking the engines"), silent="silent" in sys.argv)
over = interrupted()
progress.doing(msg("Watch it for {seconds} s", seconds="10"), msg("check it"), place="2 of 6, web:")
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until and not over():
    time.sleep(0.05)
write("A result\\n")
complain("a complaint")
time.sleep(0.6)
progress.end()
write("The end\\n")
"""
ERASE = "\x1b[K"


@contextmanager
def on_terminal(columns: int, *words: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The program above with both outputs on a new terminal, and the terminal's other end."""
    ours, theirs = pty.openpty()
    resize(ours, columns)
    child = subprocess.Popen(
        [sys.executable, "-c", WAITS, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": APP, **environ},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield child, ours
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def resize(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def read(terminal: int, until: str = "") -> str:
    """What is printed until that text comes, or the end."""
    found = b""
    while not until or until.encode() not in found:
        select.select([terminal], [], [])
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # EIO: the other end is closed
            break
        found += piece
        if not piece:
            break
    return found.decode()


def drawn(text: str) -> list[str]:
    return re.findall(r"\r([^\r\n\x1b]+)\x1b\[K", text)


def left(text: str) -> list[str]:
    """The lines as they stand at the end: what is drawn over or erased is gone."""
    lines = []
    for line in text.split("\n"):
        cells, place = "", 0
        for piece in re.findall(r"\x1b\[K|\r|[^\r\x1b]+", line):
            if piece == "\r":
                place = 0
            elif piece == ERASE:
                cells = cells[:place]
            else:
                cells = cells[:place] + piece + cells[place + len(piece) :]
                place += len(piece)
        lines.append(cells)
    return lines


def test_it_says_step_seconds_and_what_is_next_and_leaves_nothing() -> None:
    with on_terminal(100, "1.6") as (_, terminal):
        text = read(terminal)
    lines = drawn(text)
    assert "2 of 6, web: Watch it for 10 s, 1 s. Next: check it" in lines
    assert [each for each in left(text) if each] == ["A result", "stratascope: a complaint", "The end"]
    assert "\x1b[3" not in text  # no colour, with or without NO_COLOR


@pytest.mark.parametrize("columns", [24, 40, 60])
def test_it_never_fills_a_line(columns: int) -> None:
    with on_terminal(columns, "1.2") as (_, terminal):
        lines = drawn(read(terminal))
    assert lines
    assert max(map(width_of, lines)) < columns


def test_a_terminal_made_narrower_is_kept_to_at_once() -> None:
    with on_terminal(90, "60") as (child, terminal):
        assert "Next" in read(terminal, "Next")
        resize(terminal, 30)
        child.send_signal(signal.SIGWINCH)
        read(terminal, "…")  # what was drawn before
        line = drawn(read(terminal, "…\x1b[K\r"))[-1]
        assert width_of(line) < 30


def test_ctrl_c_is_said_on_it_and_the_line_is_clean_afterwards() -> None:
    with on_terminal(90, "60") as (child, terminal):
        read(terminal, "Next")
        child.send_signal(signal.SIGINT)
        text = read(terminal)
    assert [each for each in left(text) if each][-3:] == ["A result", "stratascope: a complaint", "The end"]


def test_nothing_is_drawn_over_a_password() -> None:
    with on_terminal(90, "60") as (child, terminal):
        read(terminal, f"check it{ERASE}")
        quiet = termios.tcgetattr(terminal)
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSANOW, quiet)
        time.sleep(0.8)
        assert os.read(terminal, 4096).decode().endswith(ERASE)  # what stood behind the question
        time.sleep(0.8)
        assert not select.select([terminal], [], [], 0)[0]
        child.send_signal(signal.SIGINT)


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}])
def test_none_with_json(environ: dict[str, str]) -> None:
    with on_terminal(90, "0.9", "silent", **environ) as (_, terminal):
        assert "\r" not in read(terminal).replace("\r\n", "\n")


def test_none_on_a_terminal_that_only_prints() -> None:
    with on_terminal(90, "0.9", TERM="dumb") as (_, terminal):
        assert "\r" not in read(terminal).replace("\r\n", "\n")


@pytest.mark.parametrize("piped", ["stdout", "stderr"])
def test_none_where_one_output_is_a_file(tmp_path: Path, piped: str) -> None:
    ours, theirs = pty.openpty()
    try:
        with (tmp_path / "out").open("wb") as file:
            subprocess.run(
                [sys.executable, "-c", WAITS, "0.9"],
                stdin=theirs,
                stdout=file if piped == "stdout" else theirs,
                stderr=file if piped == "stderr" else theirs,
                env={**os.environ, "PYTHONPATH": APP},
                check=True,
            )
        os.close(theirs)
        shown = read(ours).replace("\r\n", "\n")
    finally:
        os.close(ours)
    assert "\r" not in shown + (tmp_path / "out").read_text()
