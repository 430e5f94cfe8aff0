"""One window for each user: a second start raises the first one, unless it does not answer, or is another user's."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.places import APP
from stratascope.ui.app import single_instance
from stratascope.ui.app.single_instance import SingleInstance, raise_other, socket_path


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as runtime:  # short, since a socket address has 108 bytes
        yield {"XDG_RUNTIME_DIR": runtime, "DISPLAY": ":1", "HOME": str(tmp_path)}


@pytest.fixture
def where(environ: dict[str, str]) -> Path:
    found = socket_path(environ)
    assert found is not None
    return found


@pytest.fixture
def came() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def only(qtbot: QtBot, where: Path, came: list[tuple[str, str]]) -> Iterator[SingleInstance]:
    made = SingleInstance(where, lambda *words: came.append(words))
    yield made
    made.close()
    assert not where.exists()


def test_a_second_start_raises_the_first(
    qtbot: QtBot, only: SingleInstance, where: Path, environ: dict[str, str], came: list[tuple[str, str]]
) -> None:
    answers: list[bool] = []
    for token, shows in (("", ""), ("a token", ""), ("", "web"), ("a token", "a b")):
        told = {**environ, "XDG_ACTIVATION_TOKEN": token}
        start = threading.Thread(target=lambda told=told, shows=shows: answers.append(raise_other(where, told, shows)))
        start.start()
        qtbot.waitUntil(lambda: not start.is_alive())  # noqa: B023
    assert answers == [True] * 4
    assert came == [("", ""), ("a token", ""), ("", "web"), ("a token", "a b")]


def test_another_display_or_other_engines_are_another_window(environ: dict[str, str], where: Path) -> None:
    assert socket_path(environ) == where
    others = {
        socket_path({**environ, name: "/other"}) for name in ("DISPLAY", "STRATASCOPE_ENGINES", "XDG_CONFIG_HOME")
    }
    assert where not in others
    assert len(others) == 3


def test_nobody_there(where: Path, environ: dict[str, str]) -> None:
    assert not raise_other(where, environ)


def test_one_that_was_killed_leaves_a_socket_that_is_taken_over(
    qtbot: QtBot, where: Path, environ: dict[str, str], came: list[tuple[str, str]]
) -> None:
    code = "import socket, sys, os; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(where)], check=False)
    assert stat.S_ISSOCK(where.stat().st_mode)
    assert not raise_other(where, environ)
    made = SingleInstance(where, lambda *words: came.append(words))
    made.close()


def test_one_that_hangs(qtbot: QtBot, where: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_instance, "PATIENCE", 0.1)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(where))
        hanging.listen(4)
        assert not raise_other(where, environ)  # a window opens all the same …
        with pytest.raises(FileExistsError):
            SingleInstance(where, lambda *_: None)  # … and leaves the other socket alone
        assert where.exists()


@pytest.mark.parametrize("sent", [b"", b"\n", b"quit\n", b"\xff" * 4000, b"raise"])
def test_nonsense_on_the_socket(
    qtbot: QtBot, only: SingleInstance, where: Path, came: list[tuple[str, str]], sent: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(where))
        link.sendall(sent)
        link.shutdown(socket.SHUT_WR)
        link.setblocking(False)
        qtbot.wait(50)
        answer = link.recv(10)
    assert (answer, came) == ((b"done\n", [("", "")]) if sent == b"raise" else (b"", []))


def test_no_folder_of_our_own(tmp_path: Path, environ: dict[str, str]) -> None:
    assert socket_path({}) is None
    assert socket_path({"XDG_RUNTIME_DIR": "relative"}) is None
    assert socket_path({"XDG_RUNTIME_DIR": str(tmp_path / "missing")}) is None
    assert socket_path({"XDG_RUNTIME_DIR": str(tmp_path / ("long" * 40))}) is None
    open_to_all = tmp_path / "open" / "stratascope"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    assert socket_path({"XDG_RUNTIME_DIR": str(open_to_all.parent)}) is None
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "stratascope").symlink_to(tmp_path)
    assert socket_path({"XDG_RUNTIME_DIR": str(linked)}) is None


def test_two_starts_at_the_same_moment_are_one_window(tmp_path: Path, environ: dict[str, str]) -> None:
    """Both find no window; the second one to listen raises the first, and exits."""
    told = {**os.environ, **environ,
            "PYTHONPATH": str(APP), "QT_QPA_PLATFORM": "offscreen", "STRATASCOPE_ENGINES": "/none",
            "DISPLAY": ":1"}  # fmt: skip
    late = (
        "import sys; from stratascope import __main__; from stratascope.ui.app import start;"
        "start.single_instance = type('Late', (), {'socket_path': staticmethod(start.single_instance.socket_path),"
        " 'raise_other': staticmethod(lambda *words: False)}); sys.exit(__main__.main([]))"
    )
    where = socket_path(told)
    assert where is not None
    with subprocess.Popen([sys.executable, "-m", "stratascope"], env=told) as first:
        try:
            for _ in range(400):
                if where.exists() or first.poll() is not None:
                    break
                threading.Event().wait(0.05)
            second = subprocess.run([sys.executable, "-c", late], env=told, check=False)
            assert second.returncode == 0
            assert first.poll() is None
        finally:
            first.terminate()
        assert first.wait() == 0


def test_the_program_itself(tmp_path: Path, environ: dict[str, str]) -> None:
    """The real program twice: the second exits at once with 0, and the first goes on."""
    told = {**os.environ, **environ,
            "PYTHONPATH": str(APP), "QT_QPA_PLATFORM": "offscreen", "STRATASCOPE_ENGINES": "/none",
            "DISPLAY": ":1"}  # fmt: skip
    where = socket_path(told)
    assert where is not None
    command = [sys.executable, "-m", "stratascope"]
    with subprocess.Popen(command, env=told) as first:
        try:
            for _ in range(400):
                if where.exists() or first.poll() is not None:
                    break
                threading.Event().wait(0.05)
            second = subprocess.run(command, env=told, check=False)
            assert second.returncode == 0
            assert first.poll() is None
        finally:
            first.terminate()
        assert first.wait() == 0
    assert not where.exists()
