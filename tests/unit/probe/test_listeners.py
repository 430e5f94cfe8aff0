"""Who listens beside us: the same, whether the kernel is asked or read."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from stratascope.linux import sockets
from stratascope.probe.network import listeners

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1"))


def test_the_kernel_says_what_its_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        ours = set()
        for family, address in ADDRESSES:
            link = stack.enter_context(socket.socket(family))
            link.bind((address, 0))
            link.listen()
            ours.add((address, link.getsockname()[1]))
        asked = listeners()
        monkeypatch.setattr(sockets, "listening", lambda family: b"\0" * 16)  # the kernel refuses that
        read = listeners()
        assert asked is not None
        assert read is not None
        assert ours <= set(asked)
        assert ours <= set(read)
