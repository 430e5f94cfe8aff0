"""Whether this is a Flatpak, and what it may do of the host, read from the file that Flatpak writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope import resources, sandbox
from stratascope.sandbox import Access, access

# as Flatpak 1.16 writes it
INFO = """[Application]
name=io.github.stratascope.Stratascope
runtime=runtime/org.kde.Platform/x86_64/6.10

[Instance]
instance-id=3861443550
session-bus-proxy=true

[Context]
shared=network;ipc;
sockets=x11;wayland;fallback-x11;
filesystems=xdg-run/podman:ro;/run/docker.sock;
"""


def test_no_file_is_no_sandbox(tmp_path: Path) -> None:
    assert access(tmp_path / "none") is Access.OUTSIDE
    assert access() is Access.OUTSIDE  # these tests run in none


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INFO, Access.WITHHELD),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.Flatpak=talk\n", Access.GRANTED),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.Flatpak=own\n", Access.GRANTED),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.*=talk\n", Access.GRANTED),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.Flatpak=see\n", Access.WITHHELD),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.Flatpak=none\n", Access.WITHHELD),
        (f"{INFO}\n[Session Bus Policy]\norg.freedesktop.Flatpakk=talk\n", Access.WITHHELD),
        (f"{INFO}\n[System Bus Policy]\norg.freedesktop.Flatpak=talk\n", Access.WITHHELD),
        (INFO.replace("fallback-x11;", "session-bus;"), Access.GRANTED),  # the whole bus, without a proxy
        ("", Access.WITHHELD),
        ("no section\n", Access.WITHHELD),
        ("[Context]\nsockets=%(x)s;session-bus;\n", Access.GRANTED),
        ("\0\n[", Access.WITHHELD),
    ],
)
def test_what_it_may(tmp_path: Path, text: str, expected: Access) -> None:
    file = tmp_path / "info"
    file.write_text(text)
    assert access(file) is expected


def test_what_can_t_be_read_counts_as_withheld(tmp_path: Path) -> None:
    file = tmp_path / "info"
    file.write_bytes(b"\xff\xfe[")
    assert access(file) is Access.WITHHELD
    assert access(tmp_path) is Access.WITHHELD


def test_the_command_word_for_word() -> None:
    assert sandbox.GRANT == (
        "flatpak override --user --talk-name=org.freedesktop.Flatpak io.github.stratascope.Stratascope"
    )
    assert sandbox.APP == resources.APPLICATION_ID
