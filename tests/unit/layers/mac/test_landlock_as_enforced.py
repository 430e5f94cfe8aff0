"""What is read of Landlock domains by BPF, and judged, is what the kernel does: generated rule sets, as root."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.bpf.permission import NAMES
from stratascope.collector.bpf.reading import ThreadReader
from stratascope.core.capture import Capture, Reading
from stratascope.core.threats import needs
from stratascope.core.threats.threat import Stance
from stratascope.layers.mac.landlock import Confinement, LandlockFacts, allows, landlock_ruling, read
from stratascope.linux.landlock import File, Net, Scope

PROGRAM = Path(__file__).parents[3] / "rig" / "collector" / "restricts.py"
SETS = 50
_FOLDERS = ("", "/one", "/one/deep", "/two")
_OF_FILES = ("execute", "write_file", "read_file", "truncate")
_OF_FOLDERS = (
    *("read_dir", "remove_dir", "remove_file", "make_char", "make_dir", "make_reg", "make_sock", "make_fifo"),
    *("make_block", "make_sym"),
)
_PORTS = (19081, 19082, 19083)
_READER = ThreadReader()


class Restricted:
    """The program, restricted."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def ask(self, request: dict[str, Any]) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def read(self) -> tuple[LandlockFacts | None, tuple[Confinement, ...]]:
        """As it is seen from outside."""
        entries: list[Any] = []
        _READER.entries([(self.pid, NAMES, entries)])
        assert all(len(entry) == 3 for entry in entries), entries
        mounts = Path(f"/proc/{self.pid}/mountinfo").read_text("utf-8", "surrogateescape")
        found, confinements = read(
            Capture(self.pid, (*(Reading(*entry) for entry in entries), Reading("mountinfo", "", mounts)))
        )
        assert found is None or isinstance(found, LandlockFacts)
        return found, confinements


@contextmanager
def restricted(layers: list[dict[str, Any]]) -> Iterator[Restricted]:
    """Start it with these layers."""
    with subprocess.Popen(
        (sys.executable, str(PROGRAM)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            made = Restricted(process)
            assert made.ask({"layers": layers}) == "ready"
            yield made
        finally:
            process.kill()


@pytest.fixture
def tree() -> Iterator[Path]:
    """A small tree; the names are made anew before each attempt."""
    root = Path(tempfile.mkdtemp(prefix="strata-landlock-"))
    for folder in _FOLDERS:
        place = Path(f"{root}{folder}")
        place.mkdir(exist_ok=True)
        (place / "file").write_bytes(b"\x01")
        (place / "file").chmod(0o755)
    yield root
    shutil.rmtree(root)


def renewed(root: Path) -> None:
    """What attempts remove is there, what they make is not."""
    for folder in _FOLDERS:
        place = Path(f"{root}{folder}")
        (place / "empty").mkdir(exist_ok=True)
        (place / "spare").touch()
        made = place / "made"
        if made.is_dir() and not made.is_symlink():
            made.rmdir()
        else:
            made.unlink(missing_ok=True)


def generated(chance: random.Random, root: Path) -> list[dict[str, Any]]:
    """One to four layers, each with its own rights and rules."""
    layers = []
    for _ in range(chance.randint(1, 4)):
        files = chance.choice((0x7FFF, chance.getrandbits(15), chance.getrandbits(15) | 0x7, 0))
        network = chance.choice((0, 1, 2, 3))
        if not files and not network:
            files = 0x7FFF
        rules = []
        for place in chance.sample(_FOLDERS, chance.randint(0, 3)):
            rights = chance.choice((files, files & chance.getrandbits(15), files & 0xF))
            if rights:
                rules.append([f"{root}{place}", rights])
        single = files & 0x4007  # the rights that a file may have
        if single and chance.random() < 0.5:
            rules.append([f"{root}{chance.choice(_FOLDERS)}/file", single & chance.getrandbits(15) or single])
        ports = [
            [port, network & chance.randint(1, 3) or network] for port in _PORTS if network and chance.random() < 0.5
        ]
        layers.append(
            {
                "files": files,
                "network": network,
                "scopes": chance.choice((0, 0, 1, 2, 3)),
                "rules": rules,
                "ports": ports,
            }
        )
    return layers


def attempts(root: Path) -> list[tuple[str, str | int]]:
    """All rights on all places, all ports, and what no right is of."""
    found: list[tuple[str, str | int]] = []
    for folder in _FOLDERS:
        found += [(what, f"{root}{folder}/file") for what in _OF_FILES]
        found += [(what, f"{root}{folder}") for what in _OF_FOLDERS]
    found += [(what, port) for what in ("bind_tcp", "connect_tcp") for port in _PORTS]
    return [*found, ("abstract", f"strata-{os.getpid()}"), ("signal", os.getpid()), ("trace", os.getpid())]


def judged(by: Confinement, what: str, where: str | int, root: Path) -> bool | None:
    """What the program says of it."""
    match what:
        case "bind_tcp" | "connect_tcp":
            right = Net[what.upper()]
            given = dict(by.ports).get(int(where), ())
            return all(
                not layer.network & right or any(number == place and rights & right for place, rights in given)
                for number, layer in enumerate(by.layers, 1)
            )
        case "abstract":
            return _lets(needs.AbstractSocket(), by)
        case "signal":
            return _lets(needs.SignalRoot(), by)
        case "trace":
            return _lets(needs.Tracing("host"), by)
        case "mount":
            return _lets(needs.Mounting("mount"), by)
        case "execute":  # a program is opened for reading, too
            return allows(by, str(where), File.EXECUTE | File.READ_FILE)
        case _:
            return allows(by, str(where), File[what.upper()])


def _lets(need: needs.Need, by: Confinement) -> bool:
    ruling = landlock_ruling(need, (by,))
    assert ruling is None or ruling.stance is Stance.STOPS
    return ruling is None


@needs_root
def test_as_the_kernel_does(tree: Path) -> None:
    differing = []
    tried = 0
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0strata-{os.getpid()}")
        listening.listen(64)
        for seed in range(SETS):
            layers = generated(random.Random(seed), tree)
            with restricted(layers) as program:
                facts, confinements = program.read()
                assert facts is not None
                assert facts.whole
                assert facts.layers == len(layers)
                assert facts.domain
                (by,) = confinements
                wanted = attempts(tree)
                for what, where in wanted:
                    renewed(tree)
                    (answer,) = program.ask({"try": [(what, where)]})
                    said = judged(by, what, where, tree)
                    tried += 1
                    if said is not answer:
                        differing.append((seed, what, where, said, answer))
                (mounted,) = program.ask({"try": [("mount", str(tree))]})
                if mounted:
                    subprocess.run(("umount", str(tree)), check=True)
                if judged(by, "mount", "", tree) is not mounted:
                    differing.append((seed, "mount", "", judged(by, "mount", "", tree), mounted))
    assert not differing
    assert tried >= SETS * 60
    assert set(Scope) == {Scope.ABSTRACT_UNIX_SOCKET, Scope.SIGNAL}
