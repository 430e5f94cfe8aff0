"""The exposure of real containers against what the design promises (section 6): every step of hardening is seen in it.

One report for each engine, about all of its containers. Bounds and differences and not numbers, since hosts differ in
their settings. The same on recorded containers: tests/unit/core/threats/test_exposure.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

import pytest

from rig.engine import KINDS, Rig
from rig.places import APP
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import BANDS

LIMITS = ("--memory", "64m", "--pids-limit", "50", "--cpus", "0.5")
NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")
DROPPED = ("--cap-drop", "ALL")
USER = ("--user", "1000:1000")
READ_ONLY = ("--read-only",)
SOCKET = ("-v", "{socket}:/var/run/engine/docker.sock")
OWN_IDS = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")
ROOTLESS = ("docker_rootless", "podman_rootless")

SETUPS: dict[str, tuple[str, ...]] = {
    "default": (),
    "limits": LIMITS,
    "no-new-privs": NO_NEW_PRIVS,
    "no-capabilities": DROPPED,
    "user": USER,
    "read-only": READ_ONLY,
    "own-ids": OWN_IDS,
    "unconfined": ("--security-opt", "seccomp=unconfined"),
    "net-admin": ("--cap-add", "NET_ADMIN"),
    "sys-ptrace": ("--cap-add", "SYS_PTRACE"),
    "sys-admin": ("--cap-add", "SYS_ADMIN"),
    "network": ("--network", "host"),
    "pid": ("--pid", "host"),
    "etc": ("-v", "/etc:/host/etc"),
    "log": ("-v", "/var/log:/host/log"),
    "root": ("-v", "/:/host"),
    "socket": SOCKET,
    "socket-hard": (*SOCKET, *DROPPED, *NO_NEW_PRIVS, *READ_ONLY, *LIMITS),
    "privileged": ("--privileged",),
    "hard": (*LIMITS, *NO_NEW_PRIVS, *DROPPED),
    "hard-user": (*LIMITS, *NO_NEW_PRIVS, *DROPPED, *USER),
    "hard-own-ids": (*LIMITS, *NO_NEW_PRIVS, *DROPPED, *OWN_IDS),
    "restricted": (*NO_NEW_PRIVS, *DROPPED, *READ_ONLY, *USER),  # as in the Pod Security Standards
}
ONLY = {"own-ids": ("podman_rootful",), "hard-own-ids": ("podman_rootful",)}
LOWER = ("limits", "no-new-privs", "no-capabilities", "user", "read-only", "own-ids")
RAISE = ("unconfined", "net-admin", "sys-ptrace", "sys-admin", "network", "pid", "etc", "log", "socket")
# The tests' Docker has a network of its own (rig/plan.py). With old control groups rootless engines set no limits, and
# the default filter of Podman lets a container lift them
WITHOUT_EFFECT = {"network": ("docker_rootful", "docker_rootless"), "limits": (*ROOTLESS, "podman_rootful")}

# That network has no way out, which a container's own, of a bridge, does have
WITHOUT_ROUTES = frozenset({"read-cloud-metadata"})

Report = dict[str, dict[str, Any]]
_reports: dict[str, Report] = {}


def containers(rig: Rig) -> Report:
    """What the report says of these containers, by name. `writes`: whether its process may write to the host's /etc."""
    if rig.name not in _reports:
        with ExitStack() as stack:
            for name, options in SETUPS.items():
                if rig.name in ONLY.get(name, KINDS):
                    filled = [option.replace("{socket}", str(rig.socket)) for option in options]
                    stack.enter_context(rig.container(*filled, name=f"calibrate-{name}"))
            done = subprocess.run(
                (sys.executable, "-m", "stratascope", "report", "--json"),
                env={**os.environ, "PYTHONPATH": str(APP), "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"},
                capture_output=True,
                text=True,
                check=True,
            )
            # opened and not written to; test -w of busybox says of uid 0 that it may write
            said = rig.said("calibrate-etc", "sh", "-c", "(: >>/host/etc/passwd) 2>/dev/null && echo yes || echo no")
        found = {each["name"].removeprefix("calibrate-"): each for each in json.loads(done.stdout)["containers"]}
        found["etc"]["writes"] = said == "yes"
        _reports[rig.name] = found
    return _reports[rig.name]


def told(found: Report) -> dict[str, float]:
    return {name: each["exposure"] for name, each in found.items()}


@pytest.fixture
def found(any_engine: Rig) -> Report:
    return containers(any_engine)


def _held(container: dict[str, Any], but: frozenset[str] = frozenset()) -> dict[str, tuple[str, Any]]:
    return {key: (threat["outcome"], threat["depth"]) for key, threat in container["threats"].items() if key not in but}


@pytest.mark.parametrize("name", [*LOWER, *RAISE])
def test_every_step_is_seen(name: str, any_engine: Rig, found: Report) -> None:
    if any_engine.name not in ONLY.get(name, KINDS):
        return
    default, other = found["default"], found[name]
    step = round(other["exposure"] - default["exposure"], 1)
    if any_engine.name in WITHOUT_EFFECT.get(name, ()):
        assert _held(other, WITHOUT_ROUTES) == _held(default, WITHOUT_ROUTES)
        assert step == 0.0
    else:
        assert _held(other) != _held(default)
        assert step <= -0.1 if name in LOWER else step >= 0.1, told(found)


def test_anchors(any_engine: Rig, found: Report) -> None:
    numbers = told(found)
    if any_engine.rootless:  # it hands over its user at most
        assert 4.0 <= numbers["privileged"] <= 8.9, numbers
        assert 0.1 <= numbers["default"] <= 3.9, numbers
        assert numbers["restricted"] <= 2.0, numbers
    else:
        assert numbers["privileged"] == 10.0, numbers
        assert 4.5 <= numbers["default"] <= 6.5, numbers
        assert 4.0 <= numbers["hard"] <= round(numbers["default"] - 1.0, 1), numbers
        assert min(numbers[name] for name in ("etc", "root", "sys-admin", "pid")) >= 9.0, numbers
        assert max(numbers.get(name, 0.0) for name in ("user", "own-ids", "hard-own-ids", "restricted")) < 4.0, numbers
    assert numbers["hard-user"] <= 2.0, numbers
    assert min(numbers["socket"], numbers["socket-hard"]) >= 9.0, numbers
    assert not [
        key
        for key, threat in found["default"]["threats"].items()
        if threat["severity"] == "critical" and threat["outcome"] != "stopped"
    ]


def test_no_open_threat_is_averaged_away(found: Report) -> None:
    for name, container in found.items():
        assert container["exposure_at_best"] <= container["exposure"], name
        serious = {
            word: {threat["severity"] for threat in container["threats"].values() if threat["outcome"] == word}
            for word in ("open", "unknown")
        }
        for severity, band in BANDS.items():
            assert (container["exposure_at_best"] >= band.least) >= (severity in serious["open"]), name
            assert (container["exposure"] >= band.least) >= (severity in serious["open"] | serious["unknown"]), name
        if not {Severity.CRITICAL, Severity.HIGH} & (serious["open"] | serious["unknown"]):
            assert container["exposure"] < 4.0, name


def test_the_hosts_system_folder_is_judged_as_the_kernel_does(any_engine: Rig, found: Report) -> None:
    assert found["etc"]["writes"] is not any_engine.rootless
    outcome = found["etc"]["threats"]["change-host-system"]["outcome"]
    assert outcome == ("open" if found["etc"]["writes"] else "stopped")


@pytest.mark.parametrize("pair", [("docker_rootful", "docker_rootless"), ("podman_rootful", "podman_rootless")])
def test_a_rootless_engines_socket_gives_less(pair: tuple[str, str], request: pytest.FixtureRequest) -> None:
    rootful, rootless = (told(containers(request.getfixturevalue(name))) for name in pair)
    for name in ("socket", "socket-hard", "default", "etc", "log"):
        assert rootless[name] < rootful[name], name
