"""Displays without a screen, of either kind, and what can be seen on them as an array of pixels.

Xvfb keeps its screen in a file (-fbdir), in the format of xwd(1): 25 numbers of 32 bits, then colours, then pixels.
Weston, without a screen, is asked by its own program for screenshots, which is allowed with --debug.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from machine.appimage.started import Person, until

WIDTH, HEIGHT = 1440, 900
Picture = NDArray[numpy.uint32]


@dataclass(frozen=True, slots=True)
class Display:
    """One that runs; `variables` lead a program to it."""

    variables: dict[str, str]
    picture: Callable[[], Picture]


@contextlib.contextmanager
def x11(folder: Path) -> Iterator[Display]:
    """An X server that anybody on this machine may use."""
    read, write = os.pipe()
    screen = ("-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", folder)
    server = subprocess.Popen(
        ("Xvfb", "-displayfd", str(write), "-ac", "-nolisten", "tcp", *screen),
        pass_fds=(write,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        yield Display({"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}, lambda: _from_xwd(folder / "Xvfb_screen0"))
    finally:
        server.terminate()
        server.wait(10)


def _from_xwd(path: Path) -> Picture:
    data = path.read_bytes()
    header = struct.unpack(">25I", data[:100])
    size, height, bytes_a_line, colours = header[0], header[5], header[12], header[19]
    pixels = numpy.frombuffer(data, numpy.uint32, height * bytes_a_line // 4, size + colours * 12)
    return pixels.reshape(height, bytes_a_line // 4) & numpy.uint32(0xFFFFFF)


@contextlib.contextmanager
def wayland(folder: Path, person: Person) -> Iterator[Display]:
    """Weston as that person; its socket and pictures lie in `folder`, which is the person's."""
    folder.chmod(0o700)
    variables = {"XDG_RUNTIME_DIR": str(folder), "WAYLAND_DISPLAY": "strata", "QT_QPA_PLATFORM": "wayland"}
    size = (f"--width={WIDTH}", f"--height={HEIGHT}")
    server = person.start(
        *("weston", "--backend=headless", "--renderer=pixman", "--no-config", "--idle-time=0", "--debug"),
        *("--socket=strata", f"--log={folder}/log", *size),
        XDG_RUNTIME_DIR=str(folder),
    )

    def picture() -> Picture:
        for old in folder.glob("*.png"):
            old.unlink()
        done = person.having(variables).run("weston-screenshooter", cwd=folder)
        found = list(folder.glob("*.png"))
        assert found, f"no picture: {done.stdout}{done.stderr}{(folder / 'log').read_text()}"
        image = QImage(str(found[0])).convertToFormat(QImage.Format.Format_RGB32)
        pixels = numpy.frombuffer(image.constBits(), numpy.uint32).reshape(image.height(), image.bytesPerLine() // 4)
        return pixels & numpy.uint32(0xFFFFFF)

    try:
        until(lambda: (folder / "strata").exists() or server.poll() is not None, "weston listens")
        assert server.poll() is None, f"weston: {server.communicate()[1]}"
        yield Display(variables, picture)
    finally:
        server.terminate()
        server.communicate(timeout=10)


def save(picture: Picture, path: Path) -> None:
    """As PNG, to be looked at."""
    height, width = picture.shape
    whole = numpy.ascontiguousarray(picture | numpy.uint32(0xFF000000))
    image = QImage(whole.tobytes(), width, height, width * 4, QImage.Format.Format_RGB32)
    assert image.save(str(path))


WINDOW = 0.3  # of all pixels, at least
LIST = numpy.s_[80:800, 0:330]  # where the containers are, in a window that fills the screen


def settled(display: Display, holds: Callable[[Picture], bool], seconds: float = 40.0) -> Picture:
    """What is seen once it holds and has been the same for a while."""
    end = time.monotonic() + seconds
    last, since = display.picture(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.3)
        now = display.picture()
        if not holds(now) or difference(now, last) > 0.001:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 1.5:
            return now
    raise AssertionError(f"nothing that stays, among {len(numpy.unique(last))} colours")


def difference(one: Picture, other: Picture) -> float:
    """The share of pixels."""
    return float(numpy.mean(one != other))


def row_changes(one: Picture, other: Picture) -> int:
    """In how many lines of the list the two differ."""
    return int(numpy.sum(numpy.any(one[LIST] != other[LIST], axis=1)))
