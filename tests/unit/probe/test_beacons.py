"""What stands ready while threats are tried: reached from here, and gone afterwards, also if its maker was killed."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys

import pytest

from rig.collector.asking import needs_root, wait_for
from rig.ordinary import as_theirs
from rig.places import APP
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


def keys_of(user: int) -> str:
    """The keys that this user may see, as that user."""
    words = ("setpriv", f"--reuid={user}", "--clear-groups") if os.geteuid() == 0 else ()
    return subprocess.run((*words, "cat", "/proc/keys"), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("user", [os.getuid(), pytest.param(1000, marks=needs_root)])
def test_a_key_stands_in_that_users_keyring(user: int) -> None:
    with beacons.standing(user) as found:
        name = found["KEY"]
        assert name in keys_of(user)
    wait_for(lambda: name not in keys_of(user))  # some milliseconds after it was unlinked: security/keys/gc.c


def test_a_key_goes_with_its_maker() -> None:
    """Killed while it stands."""
    pipe, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        with beacons.standing(os.getuid()) as found:
            os.write(theirs, found["KEY"].encode())
            signal.pause()
        os._exit(1)
    name = os.read(pipe, 100).decode()
    assert name in keys_of(os.getuid())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_for(lambda: name not in keys_of(os.getuid()))
    os.close(pipe)
    os.close(theirs)


def test_without_root_no_key_of_another_user() -> None:
    words = (*as_theirs(sys.executable, "-c", "from stratascope.probe import beacons\n"
             "with beacons.standing(0) as found:\n    print(sorted(found))"),)  # fmt: skip
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(APP)})
    assert said.stdout == "['PORT', 'ROOT', 'SEGMENT', 'SOCKET']\n"


def test_the_segment_of_one_that_was_killed_is_removed_by_the_next() -> None:
    child = os.fork()
    if child == 0:
        made = ctypes.CDLL(None).shmget(NOBODYS, 4096, IPC_CREAT | 0o444)
        os._exit(made < 0)
    assert os.waitpid(child, 0)[1] == 0
    assert is_there(NOBODYS)
    with beacons.standing():
        assert not is_there(NOBODYS)
