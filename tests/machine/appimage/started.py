"""Starting an AppImage as one person or another, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# what a runtime or the starter of a bundle may leave behind
OURS = ("APPDIR", "APPIMAGE", "ARGV0", "OWD", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH", "QML2_IMPORT_PATH", "PYTHONHOME")


def mounts() -> list[str]:
    """Folders on which an AppImage of ours is mounted, in our mount namespace."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if " - fuse.appimage stratascope " in line]


def offset_of(appimage: Path) -> int:
    """As it says itself."""
    return int(subprocess.run((appimage, "--appimage-offset"), capture_output=True, text=True, check=True).stdout)


def until(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait for it. AssertionError where it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {seconds} seconds"
        time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Person:
    """Who starts it."""

    uid: int
    gid: int
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def having(self, variables: Mapping[str, str]) -> Person:
        """The same person with these in the environment too."""
        return replace(self, variables={**self.variables, **variables})

    def environ(self, **more: str) -> dict[str, str]:
        """A clean one."""
        return {"PATH": PATH, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **self.variables, **more}

    def start(self, *words: str | Path, cwd: Path = Path("/"), **more: str) -> subprocess.Popen[str]:
        """Start it; in a session of its own, and nothing to read."""
        return subprocess.Popen(
            words,
            user=self.uid,
            group=self.gid,
            extra_groups=(),
            env=self.environ(**more),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *words: str | Path, cwd: Path = Path("/"), timeout: float = 60, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Start it and wait; its end is not judged."""
        child = self.start(*words, cwd=cwd, **more)
        try:
            out, err = child.communicate(timeout=timeout)
        except BaseException:
            os.killpg(child.pid, 9)
            child.communicate()
            raise
        return subprocess.CompletedProcess(words, child.returncode, out, err)
