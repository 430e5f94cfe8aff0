"""Boots one of the machines of `run.sh` with the program in it, and holds what came out: reports and the truth.

Decided against one boot a test: a machine takes minutes under software emulation, so everything is recorded in one go
(`guest.py`) and the tests read the records.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.denials import image as denials_image
from machine.attempts import build as attempts_image
from rig.places import CHECKOUT, TESTS
from stratascope.attempts import build as attempts_program

HERE = Path(__file__).resolve().parent
GUEST_PYTHON = "3.13"  # of Debian 13
NEEDED = ("docker", "podman", "msgspec", "wcwidth")  # without Qt: there is no window in there
PROGRAMS = ("qemu-system-x86_64", "mmdebstrap", "cpio", "mkfs.ext4", "apt-get")
VIRTIOFSD = Path("/usr/libexec/virtiofsd")
BOOT_SECONDS = 1500  # the guest's own work; a loaded machine is three times as slow as an idle one
BUILD_SECONDS = 1200

Json = dict[str, Any]


class NoMachineError(Exception):
    """Why no machine can be booted here."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine wrote into `out`."""

    flavour: str
    out: Path
    truth: Json

    def report(self, name: str) -> Json:
        """One report, by the name that guest.py gave it; fails where the program did not end well."""
        code, _, words = (self.out / f"{name}.exit").read_text().partition("\n")
        if code != "0":
            raise AssertionError(f"report {name} ended with {code}: {words}")
        value: Json = json.loads((self.out / f"{name}.json").read_text())
        return value

    def engines(self, name: str) -> dict[str, Json]:
        """One listing of engines, by id."""
        value: Any = self.report(name)
        listed = value if isinstance(value, list) else value["engines"]
        return {item["id"]: item for item in listed}

    def containers(self, name: str) -> dict[str, Json]:
        """The containers of one report, by name."""
        return {item["name"]: item for item in self.report(name)["containers"]}

    def facts_of(self, container: str) -> Json:
        """What the kernel said of that container's first process, read by code that is not ours."""
        found: Json = self.truth["containers"][container]
        return found


def missing() -> str:
    """What this machine lacks to boot another; empty where nothing."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if not VIRTIOFSD.exists():
        lacking.append("virtiofsd")
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if os.getuid() != 0:
        return "building a machine's disk takes root"
    sources = _run("apt-get", "indextargets", "--format", "$(CODENAME)", limit=60).split()
    if "VM_MIRROR" not in os.environ and "trixie" not in sources:
        return "no package source of Debian 13 (trixie); name one with VM_MIRROR"
    return ""


def boot(flavour: str, folder: Path, script: str = "guest.py", seconds: int = BOOT_SECONDS, part: str = "") -> Machine:
    """Build the disk where it is not there yet (VM_BASE, or the user's cache), boot, record. Raises NoMachineError.
    `part`: what of the script is done there, in place of the flavour's own.
    """
    lacking = missing()
    if lacking:
        raise NoMachineError(f"no virtual machine with {flavour}: {lacking}")
    share, out = folder / "share", folder / "out"
    out.mkdir(parents=True)
    _fill(share)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-machines"
    environment = {"VM_BASE": str(cache), **os.environ, "VM_CONSOLE": str(folder / "console.log")}
    runner = str(HERE / "run.sh")
    _run("bash", runner, "-B", "-f", flavour, limit=BUILD_SECONDS, environment=environment)
    said = _run(
        *("bash", runner, "-f", flavour, "-s", str(share), "-o", str(out), "-t", str(seconds)),
        *("guest.sh", script, part or flavour),
        limit=seconds + 60,
        environment=environment,
    )
    trouble = out / "trouble.txt"
    if trouble.exists() or not (out / "truth.json").exists():
        raise AssertionError(trouble.read_text() if trouble.exists() else said)
    return Machine(flavour, out, json.loads((out / "truth.json").read_text()))


def _fill(share: Path) -> None:
    """The program, its packages for the guest's Python, and the scripts."""
    checkout = share / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "app", checkout / "app", ignore=ignored)
    shutil.copytree(CHECKOUT / "resources", checkout / "resources")
    shutil.copytree(CHECKOUT / "packaging" / "fleet", checkout / "packaging" / "fleet")
    shutil.copy(CHECKOUT / "pyproject.toml", checkout)
    shutil.copy(HERE / "guest.sh", share)
    guest = share / "machine" / "vm"
    guest.mkdir(parents=True)
    for path in HERE.glob("guest*.py"):
        shutil.copy(path, guest)
    shutil.copy(attempts_image.image(), share / "attempts.tar")
    shutil.copy(attempts_program.build(CHECKOUT), checkout / "app" / "stratascope" / "attempts")
    shutil.copytree(TESTS / "engine" / "denials", share / "engine" / "denials", ignore=ignored)
    shutil.copytree(TESTS / "rig", share / "rig", ignore=ignored)
    shutil.copy(denials_image.image(), share / "denials.tar")
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
        *("--target", str(share / "site"), "--python-version", GUEST_PYTHON, "--only-binary=:all:"),
        *("--constraint", str(CHECKOUT / "packaging" / "constraints.txt"), *NEEDED),
        limit=300,
    )


def _run(*command: str, limit: float, environment: dict[str, str] | None = None) -> str:
    """What a command prints. Whatever ends this, also Ctrl-C, ends all that the command has started."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=limit)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)  # run.sh removes its sockets then
        child.communicate()
        raise
    if child.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {child.returncode}\n{said}")
    return said
