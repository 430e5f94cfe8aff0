"""What stands ready while threats are tried: reached from here, and gone afterwards, also if its maker was killed."""

from __future__ import annotations

import ctypes
import os
import socket

import pytest

from stratascope.probe import beacons

IPC_CREAT, NOBODYS = 0o1000, 0x57AA0000 | 0xFFFF


def is_there(key: int) -> bool:
    return bool(ctypes.CDLL(None, use_errno=True).shmget(key, 0, 0) >= 0)


def test_all_are_there_and_gone_afterwards() -> None:
    with beacons.standing() as found:
        assert is_there(int(found["SEGMENT"]))
        for family, address in (
            (socket.AF_UNIX, f"\0{found['SOCKET']}"),
            (socket.AF_INET, ("127.0.0.1", int(found["PORT"]))),
        ):
            with socket.socket(family) as ours:
                ours.connect(address)
    assert not is_there(int(found["SEGMENT"]))
    with socket.socket(socket.AF_UNIX) as ours, pytest.raises(ConnectionRefusedError):
        ours.connect(f"\0{found['SOCKET']}")


def test_the_segment_of_one_that_was_killed_is_removed_by_the_next() -> None:
    child = os.fork()
    if child == 0:
        made = ctypes.CDLL(None).shmget(NOBODYS, 4096, IPC_CREAT | 0o444)
        os._exit(made < 0)
    assert os.waitpid(child, 0)[1] == 0
    assert is_there(NOBODYS)
    with beacons.standing():
        assert not is_there(NOBODYS)
