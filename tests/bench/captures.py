"""A thousand captures in one window: the time until all are joined, and the memory. For `make bench`.

Each machine is made of a recorded one: ten or eleven of its containers (three, of each tenth), with ids, numbers of
processes, inodes, mounts, addresses and times of its own, and limits and images of its own on some. So no two captures
have a container, a status, a mount table or a place of reading in common, as with real ones.

PYTHONPATH=tests python -m bench.captures make FOLDER [COUNT]
PYTHONPATH=tests python -m bench.captures read FOLDER     one line of JSON: seconds, those of processor, MiB at the peak
"""

from __future__ import annotations

import gc
import hashlib
import json
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from rig.places import CAPTURES
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import demo_capture
from stratascope.wiring.views import recorded_view

COUNT = 1000
MACHINES = CAPTURES / "machines"
_BETWEEN = "\ue000"  # in no text
_LIMITS = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)  # MiB


class _Renamed:
    """Rewrites the texts of one machine as if from another one."""

    def __init__(self, number: int, of: MachineCapture) -> None:
        self._number, self._of = number, of
        found = [each.found for each in of.containers if each.found is not None]
        pids = {process.pid for each in found for process in (each.first, *each.members)}
        self._pids = re.compile(rf"(?<![\w.-])({'|'.join(map(str, sorted(pids)))})(?![\w.-])")

    def capture(self) -> MachineCapture:
        """That machine."""
        other = replace(self._of, taken_at=self._of.taken_at + self._number)
        built, texts = msgspec.to_builtins(other), list[str]()

        def taken(text: str) -> str:
            texts.append(text)
            return text

        _each_text(built, taken)
        others = iter(self._text(_BETWEEN.join(texts)).split(_BETWEEN))
        return msgspec.convert(_each_text(built, lambda _: next(others)), MachineCapture)

    def _text(self, text: str) -> str:
        text = self._pids.sub(self._moved, text)
        text = re.sub(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-f])", self._other, text)
        text = re.sub(r"\[40265(?!31[89])(\d{5})\]", self._inode, text)
        text = re.sub(r"overlay2?/l/[A-Z0-9]{26}", self._link, text)
        text = re.sub(r"\d+ \d+ (?=\d+:\d+ /)", self._mount, text)
        text = re.sub(r"(172\.17\.0|10\.88\.0)\.(\d+)", rf"172.{self._number % 200 + 20}.0.\2", text)
        memory = _LIMITS[self._number % len(_LIMITS)] << 20
        text = text.replace("268435456", str(memory)).replace("redis:7.4", f"redis:7.{self._number % 9}")
        return re.sub(r'("PidsLimit":)128\b', rf"\g<1>{100 + self._number % 50}", text)

    def _moved(self, found: re.Match[str]) -> str:
        return str(int(found[0]) + self._number % 37 * 100 + self._number)

    def _other(self, found: re.Match[str]) -> str:
        return hashlib.sha256(f"{self._number} {found[0][:12]}".encode()).hexdigest()[: len(found[0])]

    def _inode(self, found: re.Match[str]) -> str:
        return f"[40265{(int(found[1]) + self._number * 7) % 60000 + 40000:05}]"

    def _link(self, found: re.Match[str]) -> str:
        kept, _, name = found[0].rpartition("/")
        return f"{kept}/{hashlib.sha256(f'{self._number} {name}'.encode()).hexdigest()[:26].upper()}"

    def _mount(self, found: re.Match[str]) -> str:
        one, other = (int(word) + self._number for word in found[0].split())
        return f"{one} {other} "


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The value with each text changed, in order, including PIDs."""
    if isinstance(value, dict):
        return {
            key: int(change(str(each))) if key == "pid" and isinstance(each, int) and each else _each_text(each, change)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def make(folder: Path, count: int = COUNT) -> None:
    """Write that many captures into a folder."""
    demo = demo_capture()
    others = [capture_file.load(MACHINES / name) for name in ("apparmor.json", "selinux.json")]
    for number in range(count):
        of = others[number // 10 % 2] if number % 10 == 9 else demo
        if of is demo:
            start, many = number % len(of.containers), 10 + (number % 5 == 0)
            of = replace(of, containers=(of.containers * 2)[start : start + many])
        capture_file.save(_Renamed(number, of).capture(), folder / f"machine-{number:04}.json")


def read(folder: Path) -> dict[str, float]:
    """Read all of them as the window does."""
    gc.disable()  # as the window's start does
    paths = sorted(folder.glob("*.json"))
    whole: list[Snapshot] = []
    done = threading.Event()

    def publish(snapshot: Snapshot) -> None:
        whole[:] = [snapshot]
        if not snapshot.asking:
            done.set()

    start = time.perf_counter()
    view = recorded_view(paths)
    view.start(publish)
    done.wait()
    taken = time.perf_counter() - start
    view.stop()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "captures": len(whole[0].captures),
        "containers": len(whole[0].containers),
        "seconds": round(taken, 2),
        "processor": round(used.ru_utime + used.ru_stime, 2),
        "peak": round(used.ru_maxrss / 1024, 1),
    }


def measure() -> dict[str, float]:
    """Make captures in a temporary folder, and read them in another process."""
    with tempfile.TemporaryDirectory() as made:
        make(Path(made))
        command = (sys.executable, "-m", "bench.captures", "read", made)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    if sys.argv[1] == "make":
        Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
        make(Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else COUNT)
    else:
        sys.stdout.write(json.dumps(read(Path(sys.argv[2]))) + "\n")
