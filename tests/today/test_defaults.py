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
from rig.ordinary import as_user
from stratascope.collector.filters import why_not
from stratascope.core.container import EngineKind
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.linux.defaults.filters import versions_for

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.today]
needs_root = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
APP = Path(__file__).parents[2] / "app"
MORE = ("seccomp.weaker-than-default", "seccomp.weaker-by-i386", "seccomp.weaker-by-x32", "capabilities.added")


def measured_version(rig: Rig) -> str:
    """As the engine tells it; skips where it was never measured, as one that came out since."""
    version = server_version(rig)
    if len(versions_for(rig.kind, version)) != 1:
        pytest.skip(f"the default of {rig.kind} {version} was never measured: add it to linux/defaults")
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
    mode = newer.socket.stat().st_mode
    newer.socket.chmod(0o666)
    try:
        with newer.container(name="plain"):
            done = as_user("report", "--json", endpoint=f"{newer.kind}={newer.endpoint}")
    finally:
        newer.socket.chmod(mode & 0o7777)
    assert done.returncode == 0, done.stderr
    found = next(each for each in json.loads(done.stdout)["containers"] if each["name"] == "plain")
    counts = found["layers"]["seccomp"]["facts"]["x86_64"]
    assert [each for each in findings(found) if each[0] in MORE] == []
    # what Podman's file on this host, which is another version's, says in another way
    assert counts["unknown"] <= (0 if newer.kind == "docker" else 2), counts
