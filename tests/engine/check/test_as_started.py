"""What is said of containers that do not run, and what stands once their engine really started them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from rig.check.compared import Score
from rig.engine import Rig
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation import json_report
from stratascope.value import replace
from stratascope.wiring.engines import Engines, assembler, open_engines, take_capture, translations
from stratascope.wiring.views import predictions

KINDS = {
    "plain": (),
    "tight": ("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--user", "1000:1000",
              "--memory", "64m", "--pids-limit", "50"),
    "open": ("--privileged", "--pid", "host", "-v", "/etc:/host/etc"),
    "capable": ("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "-v", "/usr/local:/host/local:ro",
                "--tmpfs", "/scratch"),
}  # fmt: skip
FILTER = """{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
{"names": ["add_key", "bpf", "keyctl", "mount", "ptrace", "setns", "unshare"], "action": "SCMP_ACT_ERRNO"}]}"""
UNMASKED = {"docker": "systempaths=unconfined", "podman": "unmask=/proc/keys:/proc/sys"}


def shown(engines: Engines) -> dict[str, ContainerState]:
    """All containers by name, those that do not run as they would start."""
    shared, ahead = translations(), predictions()
    snapshot = assembler(shared).snapshot(take_capture(engines, shared, privileged=True))
    for state in snapshot.containers:
        ahead.look_at(state.key)
    return {state.container.name: state for state in ahead.added(snapshot).containers}


def told(state: ContainerState, snapshot: Snapshot) -> dict[str, Any]:
    """One container as a report has it."""
    found: dict[str, Any] = json_report.document(replace(snapshot, containers=(state,)))["containers"][0]
    return found


@pytest.mark.parametrize(
    "name",
    [
        "docker_rootful",
        "podman_rootless",
        pytest.param("docker_rootless", marks=pytest.mark.slow),
        pytest.param("podman_rootful", marks=pytest.mark.slow),
    ],
)
def test_as_they_really_start(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    score, profile = Score(), rig.folder / "as-started.json"
    profile.write_text(FILTER)
    profile.chmod(0o644)
    more = {"bare": UNMASKED[rig.kind], "filtered": f"seccomp={profile}"}
    kinds = KINDS | {kind: ("--security-opt", option) for kind, option in more.items()}
    with ExitStack() as stack, open_engines(environ=rig.environ) as engines:
        for kind, options in kinds.items():
            stack.enter_context(rig.container(*options, name=f"created-{kind}", start=False))
            stack.enter_context(rig.container(*options, name=f"ended-{kind}"))
            rig.run("kill", f"ended-{kind}")
            rig.run("wait", f"ended-{kind}", check=False)
        before = shown(engines)
        for container in before:
            rig.run("start", container)
        after = shown(engines)
        snapshot = assembler().snapshot(take_capture(engines, translations()))
        for container, state in before.items():
            foreseen = state.as_started
            assert state.matrix is None, "what does not run has none itself"
            assert foreseen is not None, container
            assert foreseen.would_start
            real = after[container]
            assert real.as_started is None
            verdicts = [{layer.id: layer.assessment.verdict for layer in each.layers} for each in (foreseen, real)]
            assert verdicts[0] == verdicts[1], container
            score.add(container, told(foreseen, snapshot), told(real, snapshot))
    assert score.dangerous == []
    assert score.share("equal") >= 98, (score.told(), score.wrong, score.missing)
    assert score.share("unknown") <= 3, score.told()
