"""How fast the AppImage starts, against the same program from its virtual environment: the last step of appimage-test.

Both run bench/window.py, in turns, on 40 real containers and an X server without a screen: seconds from the start of
the process to the painted list. Cold: the kernel has been told to forget their files (posix_fadvise; only these files,
since others work on this machine). Ratios hardly depend on the machine, so a missed goal counts (exit status 1).
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.reading import as_installed
from bench.run import fill
from bench.table import Table, say
from rig.fleet import launched
from rig.places import CHECKOUT, TESTS

COUNT, WARM, COLD = 40, 7, 5
COLD_GOAL, WARM_GOAL, MEMORY_GOAL, SIZE_GOAL = 2.5, 1.8, 1.2, 65.0


def forget(paths: Iterable[Path]) -> None:
    """The kernel keeps none of these files in memory."""
    for path in paths:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def files_of_venv(bytecode: str) -> list[Path]:
    """Everything that the program from the checkout may load."""
    folders = [CHECKOUT / "app", Path(sys.prefix), Path(sysconfig.get_path("stdlib")), Path(bytecode)]
    return [
        Path(sys.executable).resolve(),
        *(path for folder in folders for path in folder.rglob("*") if path.is_file()),
    ]


def measure(command: tuple[str, ...], environ: dict[str, str]) -> dict[str, float]:
    """What bench/window.py says, and what the processes that serve an AppImage's files hold at that moment."""
    script = str(TESTS / "bench/window.py")
    child = subprocess.Popen(
        (*command, script, "ours", str(time.time())),
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    line = child.stdout.readline()
    server = sum(held(Path(command[0])))
    _, words = child.communicate(timeout=180)
    if child.returncode != 0 or not line:
        raise AssertionError(words)
    found: dict[str, float] = json.loads(line)
    return {**found, "server": server}


def held(image: Path) -> Iterator[float]:
    """Bytes of each process that serves this file: what is its own, not what is mapped from it."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                if (entry / "comm").read_text() == "appimage-mount\n" and (entry / "exe").readlink() == image:
                    yield int((entry / "status").read_text().split("RssAnon:")[1].split()[0]) * 1024.0


def turns(times: int, *runs: Callable[[], dict[str, float]]) -> list[list[dict[str, float]]]:
    """Each of these that many times, in turns, so that what else happens on the machine hits all alike."""
    found: list[list[dict[str, float]]] = [[] for _ in runs]
    for _ in range(times):
        for place, run in enumerate(runs):
            found[place].append(run())
    return found


def middle(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def main() -> int:
    """Run everything; 1 where a goal is missed."""
    image = max((CHECKOUT / "dist").glob("*.AppImage"), key=lambda path: path.stat().st_mtime)
    table = Table()
    with launched(("docker_rootful",)) as rigs, tempfile.TemporaryDirectory() as screen:
        rig = rigs["docker_rootful"]
        fill(rig, COUNT)
        read, write = os.pipe()
        server = subprocess.Popen(
            ("Xvfb", "-displayfd", str(write), "-ac", "-screen", "0", "1920x1200x24"),
            pass_fds=(write,), stderr=subprocess.DEVNULL, cwd=screen,
        )  # fmt: skip
        try:
            os.close(write)
            with os.fdopen(read) as told:
                display = f":{told.readline().strip()}"
            environ = {**as_installed(rig), "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
            environ = {**environ, "XDG_CONFIG_HOME": screen, "XDG_STATE_HOME": screen, "XDG_RUNTIME_DIR": screen}
            with_path = {**environ, "PYTHONPATH": str(CHECKOUT / "app")}

            def bundled() -> dict[str, float]:
                return measure((str(image), "--bundled-python"), environ)

            def checkout() -> dict[str, float]:
                return measure((sys.executable,), with_path)

            checkout()  # makes the bytecode
            bundled()
            kept = files_of_venv(environ["PYTHONPYCACHEPREFIX"])

            def bundled_cold() -> dict[str, float]:
                forget([image])
                return bundled()

            def checkout_cold() -> dict[str, float]:
                forget(kept)
                return checkout()

            cold = turns(COLD, bundled_cold, checkout_cold)
            warm = turns(WARM, bundled, checkout)
        finally:
            server.terminate()
            server.wait(10)
    what = "start to the painted list, AppImage / virtual environment"
    for name, (ours, base), goal in (("cold", cold, COLD_GOAL), ("warm", warm, WARM_GOAL)):
        table.line(f"{what}, {name}", middle(ours, "painted"), middle(base, "painted"), goal)
    memory = [(middle(runs, "rss") + middle(runs, "server")) / 1e6 for runs in warm]
    table.line("resident memory, the same, with what serves the files", memory[0], memory[1], MEMORY_GOAL, unit="MB")
    size = image.stat().st_size / 1e6
    say(f"of that, what serves the files: {middle(warm[0], 'server') / 1e6:.1f} MB")
    say(f"size of {image.name}: {size:.1f} MB (goal < {SIZE_GOAL}) {'met' if size < SIZE_GOAL else 'MISSED'}")
    return 1 if table.missed or size >= SIZE_GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
