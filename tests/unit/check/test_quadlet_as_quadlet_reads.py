"""Our reading of a Quadlet unit against Podman's own generator: the run command that it writes, read again."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stratascope.core.container import EngineKind
from stratascope.formats.read import read
from stratascope.formats.run.read import read as read_line
from stratascope.value import replace
from stratascope.wiring.check import LocalFiles
from unit.check.shapes import FILES, asked

GENERATOR = Path("/usr/libexec/podman/quadlet")
FOLDER = FILES / "quadlet"
UNITS = sorted(path.name for path in FOLDER.glob("*.container"))


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each unit would run, by the unit's name without its ending."""
    if not GENERATOR.exists():
        pytest.skip("there is no generator of Quadlet")
    folder = tmp_path_factory.mktemp("units")
    for path in FOLDER.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    done = subprocess.run(
        (GENERATOR, "-dryrun"), env={"QUADLET_UNIT_DIRS": str(folder)}, capture_output=True, text=True, check=False
    )
    found = {}
    for part in done.stdout.split("---")[1:]:
        name, _, rest = part.partition("---")
        del rest
        found[name.strip().removesuffix(".service")] = ""
    for name, body in re.findall(r"---(\S+)\.service---\n(.*?)(?=\n---|\Z)", done.stdout, re.S):
        line = re.search(r"^ExecStart=(.*)$", body, re.M)
        found[name] = line[1] if line else ""
    assert found, done.stderr
    return found


@pytest.mark.parametrize("name", UNITS)
def test_it_is_read_alike(name: str, commands: dict[str, str]) -> None:
    file = FOLDER / name
    ours = read(file.read_text(), str(file), LocalFiles({}))
    assert ours.problems == ()
    line = read_line(commands[file.stem].replace("--cgroups=split ", ""), str(file))
    wanted, found = asked(line.services[0], EngineKind.PODMAN), asked(ours.services[0], EngineKind.PODMAN)
    if name == "member.container":  # what its pod has is the pod's there
        found = replace(found, network_mode="private", ports=())
        assert wanted.uts_mode == "container:pod", "what the command alone does not tell"
        wanted = replace(wanted, network_mode="private", ipc_mode="private", uts_mode="private", pid_mode="private")
    assert found == wanted
