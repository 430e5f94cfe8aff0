"""What an ordinary user is told of containers of root, held against what root reads of the very same ones.

What the engine states counts for the user; root's reading verifies it. Nothing that the user was told may turn out
wrong, and little may be unknown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from rig.engine import Rig
from rig.ordinary import seen_by_user, socket_for
from rig.places import APP

OPTIONS = {
    "plain": (),
    "closed": (
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
        *("--memory", "64m", "--pids-limit", "50"),
    ),
    "user": ("--user", "4321:4321"),
    "privileged": ("--privileged",),
    "pids": ("--pid", "host"),
    "memory": ("--ipc", "host"),
    "name": ("--uts", "host"),
    "network": ("--network", "host"),
    "none": ("--network", "none"),
    "groups": ("--cgroupns", "host"),
    "unfiltered": ("--security-opt", "seccomp=unconfined"),
    "ports": ("--sysctl", "net.ipv4.ip_unprivileged_port_start=500", "--cap-drop", "NET_BIND_SERVICE"),
    "of-others": ("--pid", "container:asked-plain", "--ipc", "container:asked-shareable"),
}
UNKNOWN_MOST = 0.03


def read_by_root(rig: Rig) -> dict[str, Any]:
    env = {**os.environ, "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}", "PYTHONPATH": str(APP)}
    command = (sys.executable, "-m", "stratascope", "report", "--json", "--privileged")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return {each["name"]: each for each in json.loads(done.stdout)["containers"]}


@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful"])
def test_what_the_engine_states_is_what_root_reads(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    options_of = {"shareable": ("--ipc", "shareable"), **OPTIONS}
    names = {f"asked-{each}": options for each, options in options_of.items()}
    try:
        for each, options in names.items():
            rig.run("run", "-d", "--name", each, *options, "busybox", "sleep", "600")
        with socket_for(rig):
            seen, read, verified = seen_by_user(rig), read_by_root(rig), seen_by_user(rig, "--verified-only")
    finally:
        rig.run("rm", "-f", *reversed(names))  # whoever shares another's namespace first
    asked = unknown = count = 0
    for each in names:
        mine, roots, sure = seen[each], read[each], verified[each]
        for threat, found in mine["threats"].items():
            count += 1
            unknown += found["outcome"] == "unknown"
            asked += not found["verified"]
            if threat not in ("be-engine-user", "enter-same-user-process"):  # they are about whoever asks
                right = roots["threats"][threat]
                assert found["outcome"] in ("unknown", right["outcome"]), f"{each}: {threat}"
                wrong = {
                    layer: stance
                    for layer, stance in found["stances"].items()
                    # a layer that has nothing to say to a need lets it happen, too: an ordinary user is told so of
                    # Landlock where that rests on the engine's word, since it is not to be verified
                    if stance not in ("UNKNOWN", right["stances"].get(layer, "LETS_THROUGH"))
                    # of several routes each reader may find another one the weakest
                    and found["weakest_route"] == right["weakest_route"]
                }
                assert wrong == {}, f"{each}: {threat}"
            left = sure["threats"][threat]
            assert "asked" not in [reason.get("basis") for reason in left["reasons"].values()], threat
            assert left["outcome"] in ("unknown", found["outcome"])
        assert mine["exposure"] <= mine["exposure_verified"] == sure["exposure"]
        assert roots["exposure"] - 0.3 <= mine["exposure"] <= roots["exposure"] + 0.3, each
    assert asked > 0
    sys.stdout.write(f"\n{rig.kind}: {count} threats, {unknown} unknown, {asked} only as asked\n")
    assert unknown <= UNKNOWN_MOST * count
