"""A container on a real engine, and trials of it in this process, with a journal of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.relaunch.launch_spec import TWIN
from stratascope.core.relaunch.trial import Tried
from stratascope.layers.toggles import parse
from stratascope.state.journal import FileJournal
from stratascope.usecases.plan.look import look
from stratascope.usecases.trial.lifecycle import Exercises
from stratascope.usecases.trial.trial import Observe, Trials, unwatched
from stratascope.wiring.hardening import open_hardening

# ends at once on SIGTERM, so that a stop takes no ten seconds
QUICK = "trap 'exit 0' TERM; sleep 3600 & wait"


@dataclass
class Stage:
    """One engine. Containers of a test are called `twin-…`."""

    rig: Rig
    state: Path

    @property
    def journal(self) -> FileJournal:
        return FileJournal(self.state / "stratascope" / "relaunches")

    @contextmanager
    def container(self, *options: str, command: str = QUICK) -> Iterator[str]:
        """Its name; it is removed afterwards with its volumes."""
        name = f"twin-{os.getpid()}-{os.urandom(3).hex()}"
        with self.rig.container(*options, name=name, command=("sh", "-c", command)):
            yield name

    @contextmanager
    def trials(self, name: str, *exercises: str, observe: Observe = unwatched) -> Iterator[Trials]:
        with open_hardening((), self.journal) as found:
            access, number = found.container(name)
            yield Trials(access, look(access, number), Exercises(exercises), observe)

    def tried(self, name: str, *exercises: str, choices: Sequence[str] = ()) -> Tried:
        """One trial, held against nothing."""
        with self.trials(name, *exercises) as trials:
            return trials.run([parse(text) for text in choices])

    def there(self) -> tuple[list[str], list[str], list[str]]:
        """All containers and volumes of the engine, and the overlays that it has mounted for twins."""
        containers = self.rig.run("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}").splitlines()
        return sorted(containers), sorted(self.rig.run("volume", "ls", "-q").split()), self.overlays()

    def overlays(self) -> list[str]:
        """Mounts of twins' volumes, in the sight of the engine's processes. A container's own root is none of them."""
        found = set()
        for pid in self.rig.offspring():
            try:
                lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
            except OSError:
                continue
            found |= {line for line in lines if "stratascope-twin-" in line or "/userdata/overlay/" in line}
        return sorted(found)


def tree(top: Path) -> list[tuple[str, int, int, int, int, int, str]]:
    """All that there is of a folder: path, owner, group, mode, inode, time of change, content."""
    found = []
    for path in sorted((top, *top.rglob("*"))):
        is_file = path.is_file() and not path.is_symlink()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else ""
        state = path.lstat()
        found.append((str(path.relative_to(top)), state.st_uid, state.st_gid, state.st_mode, state.st_ino,
                      state.st_ctime_ns, content))  # fmt: skip
    return found


def left(rig: Rig) -> list[str]:
    """The copies that an engine still has, and their volumes."""
    copies = rig.run("ps", "-a", "-q", "--filter", f"label={TWIN}").split()
    return copies + rig.run("volume", "ls", "-q", "--filter", f"label={TWIN}").split()


def stage_of(rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The environment of this process then means this engine."""
    folder.chmod(0o755)
    for above in folder.parents:  # an ordinary user's engine must get at what a test puts there
        if above.owner() == "root" and above.name.startswith("pytest-"):
            above.chmod(0o755)
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    return Stage(rig, folder / "state")
