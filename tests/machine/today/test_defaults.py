"""What was measured of the defaults of today's engines, measured anew; no default container has more than they give."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rig.engine import Rig
from rig.filters import OPTIONS, bounding, differences, filters_of, server_version, unlike_measured
from rig.ordinary import seen_by_user, socket_for
from rig.places import APP
from stratascope.collector.filters import why_not
from stratascope.core.container import EngineKind
from stratascope.layers.mac.policies import SAME_RULES
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.linux.defaults import versions_around, versions_for

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.today]
needs_root = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
MORE = ("seccomp.weaker-than-default", "seccomp.weaker-by-i386", "seccomp.weaker-by-x32", "capabilities.added")


def measured_version(rig: Rig) -> str:
    """As the engine tells it; skips where it was never measured, as one that came out since."""
    version = server_version(rig)
    if len(versions_for(rig.kind, version)) != 1:
        pytest.skip(f"the default of {rig.kind} {version} was never measured: add it to linux/defaults.py")
    return version


def reported(rig: Rig, *words: str) -> dict[str, Any]:
    """The report as root, by name."""
    command = (sys.executable, "-m", "stratascope", "report", "--json", *words)
    environment = {**rig.environ, "PYTHONPATH": str(APP)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {container["name"]: container for container in json.loads(done.stdout)["containers"]}


def findings(container: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["code"], each["text"]) for each in container["findings"]]


@needs_root
def test_the_filter_is_as_measured(newer: Rig) -> None:
    version = measured_version(newer)
    for options in OPTIONS[:4] if newer.rootless else OPTIONS:
        with newer.container(*options) as container:
            table = MeasuredDefault(EngineKind(newer.kind), version, bounding(newer, container))
            assert (options, differences(filters_of(newer, container), table)) == (options, [])


def test_the_rest_is_as_measured(newer: Rig) -> None:
    assert unlike_measured(newer, measured_version(newer)) == []


_ENGINES = {"docker": ("docker-default", "usr/sbin/dockerd"), "podman": ("containers-default", "usr/bin/podman")}
_TO_IT = "signal (receive)"  # what others may send to it is no matter of what it may do


def apparmor_rules(root: Path, kind: str) -> list[str]:
    """Those of the default profile, as its template stands in the engine's own program."""
    program = (root / _ENGINES[kind][1]).read_bytes()
    start = program.index(b"profile {{.Name}}")
    lines = program[start : program.index(b"\n}\n", start)].decode().splitlines()
    rules = [line.partition("#")[0].strip() for line in lines]
    found = sorted(rule for rule in rules if rule and not rule.startswith(_TO_IT))
    assert b"abi <abi" not in program
    assert "deny mount," in found
    return found


def test_apparmor_s_rules_are_those_that_were_measured(newer: Rig) -> None:
    """Against those of this machine's own engines, which are the measured ones (`tests/machine/vm`)."""
    assert newer.root is not None
    name, _ = _ENGINES[newer.kind]
    if not versions_around(server_version(newer), SAME_RULES[name]):
        pytest.skip(f"the rules of {newer.kind} {server_version(newer)} were never compared: add it to SAME_RULES")
    assert apparmor_rules(newer.root, newer.kind) == apparmor_rules(Path("/"), newer.kind)


@needs_root
def test_a_default_container_has_no_more_than_its_engine_s_default(newer: Rig) -> None:
    with newer.container(name="plain"):
        for words in ((), ("--privileged",)):
            found = reported(newer, *words)["plain"]
            assert [each for each in findings(found) if each[0] in MORE] == []
            assert found["layers"]["seccomp"]["verdict"] == "ENFORCED"
            assert found["layers"]["capabilities"]["verdict"] in ("ENFORCED", "WEAKENED")


def test_as_an_ordinary_user_the_default_filter_is_known(newer: Rig) -> None:
    measured_version(newer)
    with socket_for(newer), newer.container(name="plain"):
        found = seen_by_user(newer)["plain"]
    counts = found["layers"]["seccomp"]["facts"]["x86_64"]
    assert [each for each in findings(found) if each[0] in MORE] == []
    # what Podman's file on this host, which is another version's, says in another way
    assert counts["unknown"] <= (0 if newer.kind == "docker" else 2), counts
