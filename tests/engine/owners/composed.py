"""A project of real Compose on one engine, and the program beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rig.engine import Rig
from rig.ordinary import as_theirs
from rig.places import APP

# ends at once on SIGTERM, so that a stop takes no ten seconds
QUICK = '["sh", "-c", "trap \'exit 0\' TERM; sleep 3600 & wait"]'
# writes where only a root that can be written lets it
WRITES = '["sh", "-c", "date > /run/started || exit 7; trap \'exit 0\' TERM; sleep 3600 & wait"]'
FILE = """services:
  web:
    image: busybox
    command: {command}
    depends_on: [db]
    environment:
      SECRET: not-to-be-seen
    volumes: ["data:/data"]
  db:
    image: busybox
    command: {command}
volumes:
  data:
"""
HARDER = ("--set", "no-new-privileges=on", "--set", "capabilities=none")


class Project:
    """One project on one engine, and the program beside it with a journal of its own; both are the engine's user."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig, self.folder = rig, folder
        self.name = f"strata{os.getpid()}"
        self.file = folder / "compose.yaml"
        self.override = folder / "compose.override.yaml"
        self.environ = {
            **os.environ,
            **rig.env,
            "PYTHONPATH": str(APP),
            "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def as_its_user(self, *command: str) -> tuple[str, ...]:
        return command if self.rig.user is None else as_theirs(*command)

    def write(self, command: str = QUICK, name: str = "compose.yaml") -> None:
        self.file = self.folder / name
        self.file.write_text(FILE.format(command=command))

    def compose(self, *words: str, check: bool = True) -> str:
        """As its user would call it: in its folder, without -f."""
        done = subprocess.run(
            self.as_its_user("docker", "--host", self.rig.endpoint, "compose", "--project-name", self.name, *words),
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def id(self, service: str) -> str:
        """The full id of the one container that the service has, which runs."""
        found = self.compose("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}", service).splitlines()
        assert len(found) == 1, found
        number, state = found[0].split()
        assert state == "running"
        return number

    def options(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.rig.inspect(self.id(service))["HostConfig"]
        return found

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.as_its_user(sys.executable, "-m", "stratascope", *words),
            env=self.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        child = self.popen(*words)
        out, err = child.communicate()
        return child.returncode, out, err

    def harden(self, service: str, *words: str) -> tuple[int, dict[str, Any], str]:
        name = f"{self.name}-{service}-1"
        code, out, err = self.run("harden", name, "--json", "--yes", "--watch", "1", "--enforced-is-enough", *words)
        return code, json.loads(out.splitlines()[-1]) if out else {}, err

    def no_new_privileges(self, service: str) -> bool:
        status = Path(f"/proc/{self.rig.pid(self.id(service))}/status").read_text()
        return "NoNewPrivs:\t1" in status

    def as_before(self) -> None:
        """Only its user's files, and its own containers."""
        assert not self.override.exists()
        assert [path.name for path in self.folder.glob("*stratascope*")] == []
        assert not self.no_new_privileges("web")
