"""By what the program reaches anything outside of itself: each place is named here, so that none is added unseen."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import stratascope

APP = Path(stratascope.__file__).parent

# What starts a program, and what connects or listens; a new place has to keep what THREAT-MODEL.md says of all of them
STARTS = {
    "attempts/build.py": {"subprocess.run"},  # the C compiler, in a checkout or where a package is made
    "child_output.py": {"subprocess.Popen"},  # Podman's own words of one container, and config.json elsewhere
    "collector/children.py": {"os.fork"},  # the collector's own readers
    "collector/observe/paths.py": {"os.fork"},  # the observer's own reader of paths
    "collector/observe/trace.py": {"os.fork"},  # its own, that takes its kprobe events away
    # a command that the user gave, traced as the user; and what asks the filter around it
    "tracer.py": {"os.execvp", "os.fork"},
    "desktop_files.py": {"subprocess.run"},  # what renews the desktop's lists of icons and entries
    "engines/shared/child_socket.py": {"subprocess.Popen"},  # podman system service, ssh
    "owners/host.py": {"subprocess.Popen", "subprocess.run"},  # Compose, systemctl; has a Flatpak's host a program
    "probe/helper/elevated.py": {"subprocess.Popen", "subprocess.run"},  # pkexec, sudo; has a Flatpak's host the helper
    "probe/in_place.py": {"os.execve"},  # our own program that tries threats, as a child of a container's process
    "probe/piped.py": {"subprocess.Popen"},  # the collector
    "ui/app/start.py": {"os.execve", "subprocess.Popen"},  # itself, in another language, and on captures
    "usecases/daily/terminal.py": {"subprocess.Popen", "subprocess.run"},  # the user's terminal; whether a host has it
    "user_service.py": {"subprocess.run"},  # systemctl --user
    "usecases/trial/lifecycle.py": {"subprocess.Popen"},  # commands that the user gave for a twin, by sh
    "wiring/background.py": {"subprocess.Popen"},  # its own window, where there is no systemd to start it
    # whether Python finds this installation; in a Flatpak itself, in the background
    "wiring/desktop_files.py": {"subprocess.Popen", "subprocess.run"},
}
CONNECTS = {
    "cli/display.py": {"socket.socket"},  # is Wayland there
    # a sandbox's attempts in its place: addresses without sending, the machine's sockets without being heard, our own
    "collector/attempts.py": {"socket.socket"},
    "collector/firewall.py": {"socket.socket"},  # the kernel, which packet filters there are (netlink)
    "collector/observe/kernel_log.py": {"socket.socket"},  # the kernel's audit records (netlink)
    "collector/observe/paths.py": {"socket.socketpair"},  # to its own child
    "collector/observe/peers.py": {"socket.socket"},  # the kernel, which sockets are connected (netlink)
    "engines/shared/endpoint.py": {"socket.create_connection", "socket.socket"},
    # a container's ports, inside its own network namespace or where they are published; whether that is this machine;
    # the kernel, who listens
    "probe/beacons.py": {"socket.socket"},  # stands ready on localhost for a copy that tries threats
    "probe/network.py": {"socket.create_connection", "socket.socket"},
    "state/journal.py": {"socket.socket"},  # whether whoever claimed a container is alive, by a name of the kernel's
    "ui/app/app.py": {"socket.socketpair"},
    "ui/app/single_instance.py": {"socket.socket"},  # the window that there is already
}
_STARTING = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.popen", "os.system", "pty.")
_NO_CALLS = ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pickle.", "eval", "exec")
_NO_MODULES = ("http", "ftplib", "smtplib", "xmlrpc", "pickle", "marshal", "shelve", "urllib.request", "webbrowser")
_NO_WORDS = ("QtNetwork", "QtWebEngine", "QDesktopServices", "QProcess", "setOpenExternalLinks")


def name_of(node: ast.expr) -> str:
    """`a.b` of an expression that is just that."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(APP)): ast.parse(path.read_text("utf-8")) for path in sorted(APP.rglob("*.py"))}


def called(tree: ast.Module, *beginnings: str) -> set[str]:
    names = {name_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {name for name in names if name.startswith(beginnings) and not name.endswith(("Error", "TimeoutExpired"))}


def test_what_starts_programs() -> None:
    assert {file: found for file, tree in trees().items() if (found := called(tree, *_STARTING))} == STARTS


def test_what_connects() -> None:
    found = {file: called(tree, "socket.socket", "socket.create", "socket.fromfd") for file, tree in trees().items()}
    assert {file: names for file, names in found.items() if names} == CONNECTS


def test_what_writes_files_by_their_names() -> None:
    """All else goes through `atomic_file`, and so through no link of others."""
    found = {file for file, tree in trees().items()
             if any(name.endswith((".write_text", ".write_bytes")) for name in called(tree, ""))}  # fmt: skip
    assert found == {"atomic_file.py", "probe/helper/install.py"}  # a pipe; the files of a package


def test_no_shell_and_nothing_that_runs_text() -> None:
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = name_of(node.func)
                assert not any(name == each or (each[-1] == "." and name.startswith(each)) for each in _NO_CALLS), file
                if name.startswith("subprocess."):
                    assert "shell" not in {each.arg for each in node.keywords}, file
            if isinstance(node, ast.Import):
                assert not {each.name for each in node.names} & set(_NO_MODULES), file
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("subprocess", "os", "socket", *_NO_MODULES), file  # called by whole names
            if isinstance(node, ast.Name | ast.Attribute | ast.alias):
                word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                word = word or (node.name if isinstance(node, ast.alias) else "")
                assert not any(each in word for each in _NO_WORDS), f"{file}: {word}"


WATCHED = """
import json, sys
seen = []
NAMES = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.exec", "os.posix_spawn")
def watch(name, given):
    if name in NAMES:
        seen.append((name, repr(given)))
sys.addaudithook(watch)
from stratascope.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print("\\n" + json.dumps(seen))
"""


@pytest.mark.parametrize("words", [("report",), ("report", "--json"), ("engines",)])
def test_without_an_engine_nothing_is_asked_but_for_one(words: tuple[str, ...], tmp_path: Path) -> None:
    """No look for updates, no telemetry, and no program either, where none is asked for."""
    given = {name: str(tmp_path) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PATH")}
    lines = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        env={**given, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    for name, what in json.loads(lines[-1]):
        assert name == "socket.connect", what
        assert "AF_UNIX" in what, what
        assert "docker" in what or "podman" in what, what
