"""ssh:// addresses: what is understood, what is refused, and the commands that come of them."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stratascope.engines.shared.ssh import SshAddress, parse_ssh


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ssh://box", SshAddress("box")),
        ("ssh://Box/", SshAddress("Box")),  # names in ~/.ssh/config know capitals
        ("ssh://ann@box:2222", SshAddress("box", "ann", 2222)),
        ("ssh://ann:secret@box", SshAddress("box", "ann")),
        ("ssh://ann%40home@box", SshAddress("box", "ann@home")),
        ("ssh://core@127.0.0.1:54321/run/user/501/podman/podman.sock",
         SshAddress("127.0.0.1", "core", 54321, "/run/user/501/podman/podman.sock")),
        ("ssh://[::1]:22/run/docker.sock", SshAddress("::1", "", 22, "/run/docker.sock")),
    ],
)  # fmt: skip
def test_good(address: str, expected: SshAddress) -> None:
    assert parse_ssh(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ssh://",
        "ssh:///run/docker.sock",
        "ssh://ann@/run/docker.sock",
        "ssh://[",
        "ssh://box:notaport",
        "ssh://box:70000",
        "ssh://bo x",
        "ssh://$(id)@box",
        "ssh://box;id/run/x",
        "ssh://box/run/a:b",
        "ssh://box/run/%25h",
        "ssh://box/run/${HOME}",
        "tcp://box",
    ],
)
def test_bad(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_ssh(address)


@given(some.text().map("ssh://{}".format))
def test_whatever_comes(address: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_ssh(address).shell()[-2] == "--"


def test_commands() -> None:
    address = parse_ssh("ssh://ann@-oProxyCommand=x:2222/run/docker.sock".replace("=", "."), "/home/ann/key")
    forward = address.forward("/tmp/x/engine.sock", "/run/docker.sock", 8)
    assert forward[:2] == ("ssh", "-nNT")
    for words in (
        ("-o", "BatchMode=yes"),
        ("-o", "ExitOnForwardFailure=yes"),
        ("-o", "ConnectTimeout=8"),
        ("-L", "/tmp/x/engine.sock:/run/docker.sock"),
        ("-p", "2222"),
        ("-i", "/home/ann/key"),
        ("--", "ann@-oProxyCommand.x"),  # no option, whatever it looks like
    ):
        assert words in itertools.pairwise(forward)
    assert address.shell()[-2:] == forward[-2:]
    assert ("-o", "BatchMode=yes") in itertools.pairwise(address.shell())
    for word in (*forward, *address.shell()):
        assert "HostKey" not in word, "host keys are checked as ever"
        assert "HostsFile" not in word
    assert address.by_hand == "ssh -p 2222 -i /home/ann/key ann@-oProxyCommand.x"


def test_what_is_shown_to_be_typed_is_quoted() -> None:
    assert parse_ssh("ssh://box", "/a b;id").by_hand == "ssh -i '/a b;id' box"
    assert parse_ssh("ssh://-x").by_hand == "ssh -- -x"
