"""What a sandbox was to hide, by each maker's own words."""

from __future__ import annotations

import json

import pytest

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.sandbox import Group, Sandbox
from stratascope.core.sandboxes.asked import bubblewrap, systemd
from stratascope.core.sandboxes.hidden import was_to_hide

KEY = "/home/me/.ssh/id"


def sandbox(*asked: tuple[str, str]) -> Sandbox:
    return Sandbox("x", "x", "x", Group.AGENTS, msg("…"), "x", "x", 1, 1, (), asked_text=asked)


@pytest.mark.parametrize(
    ("words", "hides"),
    [
        ("--bind / /", False),
        ("--bind / / --tmpfs /home/me/.ssh", True),
        ("--bind / / --tmpfs /home/me/.ssh2", False),
        ("--bind / / --ro-bind /dev/null /home/me/.ssh/id", True),
        ("--bind / / --tmpfs /home --bind /home/me /home/me", False),  # the last one lies on top
    ],
)
def test_by_what_is_mounted_last(words: str, hides: bool) -> None:
    asked = bubblewrap.read(["bwrap", *words.split(), "true"]).asked
    assert asked is not None
    assert was_to_hide(KEY, sandbox(), asked) is hides


@pytest.mark.parametrize(
    ("entries", "hides"),
    [
        ([("/", "read")], False),
        ([("/", "read"), ("/home/me/.ssh", "deny")], True),
        ([("/home/me", "deny"), (KEY, "read")], False),  # the nearest one
    ],
)
def test_by_codex_profile(entries: list[tuple[str, str]], hides: bool) -> None:
    told = [{"path": {"type": "path", "path": path}, "access": access} for path, access in entries]
    text = json.dumps({"file_system": {"entries": told}})
    assert was_to_hide(KEY, sandbox(("--permission-profile", text)), Asked()) is hides


@pytest.mark.parametrize("text", ["", "[" * 100_000, '{"entries": 1}', '{"path": 1, "access": "deny"}'])
def test_a_profile_that_is_not_understood_hides_nothing(text: str) -> None:
    assert not was_to_hide(KEY, sandbox(("--permission-profile", text)), Asked())


def test_by_a_flatpaks_permissions() -> None:
    text = "[Context]\nshared=network;\nfilesystems=/home/me;!/home/me/.ssh;xdg-download;\n"
    flatpak = sandbox(("/proc/5/root/.flatpak-info", text))
    assert was_to_hide(KEY, flatpak, Asked())
    assert not was_to_hide("/home/me/notes", flatpak, Asked())


@pytest.mark.parametrize(
    ("properties", "hides"),
    [
        ("ProtectHome=no\nInaccessiblePaths=\n", False),
        ("ProtectHome=read-only\n", False),
        ("ProtectHome=yes\n", True),
        ("ProtectHome=yes\nBindReadOnlyPaths=/home/me\n", False),
        ("ProtectHome=tmpfs\nBindPaths=/srv:/home/me/.ssh:rbind\n", False),
        ("InaccessiblePaths=/etc/ssl -/home/me/.ssh\n", True),
        ("InaccessiblePaths=/home/me/.ssh2\n", False),
    ],
)
def test_by_a_units_properties(properties: str, hides: bool) -> None:
    text = f"Id=web.service\n{properties}"
    told = systemd.read(text)
    assert told.asked is not None
    unit = sandbox((systemd.COMMANDS[0] + "web.service", text))
    assert was_to_hide(KEY, unit, told.asked) is hides
