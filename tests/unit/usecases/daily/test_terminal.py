"""Which terminal is taken, and how a command is handed to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from stratascope import sandbox
from stratascope.i18n.translate import translate
from stratascope.usecases.daily.terminal import TerminalError, known_terminals, open_in_terminal, terminal

ALL = frozenset(known_terminals())


@pytest.mark.parametrize(
    ("environ", "there", "before"),
    [
        ({"TERMINAL": "kitty --single-instance"}, ALL, ("kitty", "--single-instance")),
        ({"TERMINAL": "gnome-terminal"}, ALL, ("gnome-terminal", "--")),
        ({"TERMINAL": "/opt/my-term"}, ALL, ("/opt/my-term", "-e")),
        ({"TERMINAL": "gone"}, ALL, ("xdg-terminal-exec",)),
        ({"TERMINAL": "'not ended"}, ALL, ("xdg-terminal-exec",)),
        ({"XDG_CURRENT_DESKTOP": "KDE"}, ALL - {"xdg-terminal-exec"}, ("konsole", "-e")),
        ({"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, ALL - {"xdg-terminal-exec", "ptyxis"}, ("kgx", "--")),
        ({"XDG_CURRENT_DESKTOP": "XFCE"}, ALL - {"xdg-terminal-exec"}, ("xfce4-terminal", "-x")),
        ({"XDG_CURRENT_DESKTOP": "LXQt"}, ALL - {"xdg-terminal-exec"}, ("x-terminal-emulator", "-e")),
        ({}, frozenset({"xterm", "foot"}), ("foot",)),
        ({}, frozenset({"lxterminal"}), None),  # would take the command as one text
        ({}, frozenset(), None),
    ],
)
def test_which(environ: dict[str, str], there: frozenset[str], before: tuple[str, ...] | None) -> None:
    assert terminal(environ, there) == before


def nothing(names: Sequence[str]) -> frozenset[str]:
    return frozenset()


def test_what_is_not_here_is_told_with_what_can_be_typed() -> None:
    with pytest.raises(TerminalError) as caught:
        open_in_terminal(("podman", "exec", "-it", "a b", "sh"), {}, nothing)
    assert translate(caught.value.message) == "The program podman is not installed here."
    assert caught.value.command == "podman exec -it 'a b' sh"
    with pytest.raises(TerminalError) as caught:
        open_in_terminal(("podman", "ps"), {}, lambda names: frozenset({"podman"}))
    assert "No terminal was found" in translate(caught.value.message)


def test_words_stay_words_and_a_terminal_that_fails_is_told(tmp_path: Path) -> None:
    said, good, bad = tmp_path / "said", tmp_path / "good", tmp_path / "bad"
    good.write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >{said}\n')
    bad.write_text("#!/bin/sh\nexit 3\n")
    for path in (good, bad):
        path.chmod(0o755)

    def has(names: Sequence[str]) -> frozenset[str]:
        return frozenset({"true"})

    command = ("true", "$(touch oops)", "; id", "a 'b' \"c\"", "*")
    open_in_terminal(command, {"TERMINAL": str(good), "PATH": "/usr/bin:/bin"}, has)
    assert said.read_text().splitlines() == ["-e", *command]
    with pytest.raises(TerminalError) as caught:
        open_in_terminal(command, {"TERMINAL": str(bad), "PATH": "/usr/bin:/bin"}, has)
    assert "exited at once, with 3" in translate(caught.value.message)
    with pytest.raises(TerminalError, match="No such file"):
        open_in_terminal(command, {"TERMINAL": str(tmp_path / "none")}, has)


def test_a_flatpak_that_may_not_says_how_to_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "access", lambda: sandbox.Access.WITHHELD)
    with pytest.raises(TerminalError) as caught:
        open_in_terminal(("docker", "exec"), {}, nothing)
    assert sandbox.GRANT in translate(caught.value.message)


def test_a_flatpak_that_may_asks_the_host_and_starts_it_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said, spawn = tmp_path / "said", tmp_path / "flatpak-spawn"
    spawn.write_text(
        f'#!/bin/sh\nshift\nif [ "$1" = sh ]; then echo docker; echo foot; else for w; do echo "$w"; done >{said}; fi\n'
    )
    spawn.chmod(0o755)
    monkeypatch.setattr(sandbox, "access", lambda: sandbox.Access.GRANTED)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    open_in_terminal(("docker", "exec", "-it", "x", "sh"), {"XDG_CURRENT_DESKTOP": "sway"})
    assert said.read_text().split() == ["foot", "docker", "exec", "-it", "x", "sh"]
