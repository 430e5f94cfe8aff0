"""Every attempt of `machine/attempts` that ends in a refusal: who is told to have refused it, held against the stances.

The attempts of a container run as a session in it. A threat hangs on one call where all of its attempts name that call
alone and ended with the same errno. Who is told for certain to have refused that call must agree with the report: that
layer stops at least one of those threats, or it is not known whether. A threat with several ways is left out, since a
layer that closes one of them need not stop it. Slow.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from machine.attempts.build import image
from machine.attempts.configurations import Configuration, unmask, write_profiles
from rig.engine import Rig
from rig.places import APP
from stratascope.collector.filters import why_not

IMAGE = "attempts:latest"
QUICK = ("/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
LAYERS = ("namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap")
_OFF = ("--security-opt", "seccomp=unconfined")
CONFIGURATIONS = (
    Configuration("default"),
    Configuration("seccomp-off", _OFF),
    Configuration("user", ("--user", "1000", *_OFF)),
    Configuration("no-capabilities", ("--cap-drop", "ALL", *_OFF)),
    Configuration("read-only", ("--read-only", *_OFF)),
    Configuration("limits", ("--pids-limit", "50", "--memory", "64m", *_OFF)),
    Configuration("profile-few", ("--security-opt", "seccomp={folder}/few.json")),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root"),
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda each: each.name)
def test_it_agrees_with_the_stances(hybrid_engine: Rig, configuration: Configuration, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "mounted").mkdir()
    write_profiles(tmp_path)
    environ = {
        **os.environ,
        "PYTHONPATH": str(APP),
        "STRATASCOPE_ENGINES": f"{hybrid_engine.kind}={hybrid_engine.endpoint}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    options = [
        each.format(folder=tmp_path, socket=hybrid_engine.socket, unmask=unmask(hybrid_engine))
        for each in configuration.options
    ]
    hybrid_engine.run("import", str(image()), IMAGE)
    name = f"tried-{configuration.name}-{os.getpid()}"
    with hybrid_engine.container(*options, name=name, image=IMAGE, command=QUICK):
        (container,) = json.loads(_said(environ, "report", name, "--json", "--privileged"))["containers"]
        # what they print is on standard error there, and of that only the last of it
        tried = hybrid_engine.run("exec", name, "/attempts", "now", check=False)
        told = [json.loads(line) for line in _said(environ, "denials", name, "--all", "--json", "--for", "300", "--",
                                                   "/attempts", "now").splitlines()]  # fmt: skip
    ways: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for line in (json.loads(each) for each in tried.splitlines() if each.startswith("{")):
        if "threat" in line:
            ways[line["threat"]].add((line["call"], line["errno"] if line["result"] == "stopped" else 0))
    stopped: dict[tuple[str, int], set[str]] = defaultdict(set)
    for threat, calls in ways.items():
        (call, number), *others = calls
        if number and not others and ", " not in call.partition("(")[0]:
            stopped[call.partition("(")[0], number].add(threat)
    disagreed = []
    compared = 0
    for each in told:
        threats = stopped.get((each["syscall"], _number(each["errno"])), set())
        stances = {threat: container["threats"].get(threat, {}).get("stances", {}) for threat in threats}
        if not each["certain"] or each["layer"] not in LAYERS or not stances:
            continue
        compared += 1
        said = {threat: found.get(each["layer"], "NOT_ITS_JOB") for threat, found in stances.items()}
        if "STOPS" not in said.values() and "UNKNOWN" not in said.values():
            disagreed.append((each["layer"], each["syscall"], each["errno"], each["what"], said))
    sys.stdout.write(f"\n{hybrid_engine.kind} {configuration.name}: {len(told)} told, {compared} compared\n")
    sys.stdout.write("".join(f"{each}\n" for each in disagreed))
    assert disagreed == []
    assert compared


def _number(name: str) -> int:
    return int(getattr(errno, name, 0))


def _said(environ: dict[str, str], *words: str) -> str:
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        (sys.executable, "-m", "stratascope", *words), env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)
