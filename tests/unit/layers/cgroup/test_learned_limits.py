"""CPUs and open files by what a container was seen to use at the most: pure."""

from __future__ import annotations

import pytest

from rig.recorded import recorded
from stratascope.core.observation.observation import Observation, Phase, Seen
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.toggles import toggle
from stratascope.linux.process import ProcessLimit
from stratascope.value import replace
from unit.layers.toggle_subjects import facts_of, made, subject


def of(peak: tuple[str, float], *phases: Phase, cpus: int = 8, hard: int | None = None) -> Subject:
    facts = dict(facts_of(recorded("lsm/apparmor/docker-default"), made()))["cgroup"]
    limits = (ProcessLimit("nofile", hard, hard),)
    found = subject(seen=Observation(Seen(9.0, 1, phases=phases), peaks=(peak,)))
    return replace(found, facts=(("cgroup", replace(facts, cpuset_count=cpus, process_limits=limits)),))


def learned(which: str, found: Subject) -> str | None:
    value = toggle(which).learned("learned", found, found.container.asked)
    return None if value is None else value.value


@pytest.mark.parametrize(
    ("peak", "cpus", "phases", "value"),
    [
        (0.05, 8, (Phase.START, Phase.REQUESTS), "1"),
        (0.6, 8, (Phase.REQUESTS,), "3"),
        (0.6, 2, (Phase.REQUESTS,), None),  # no limit to speak of
        (0.6, 8, (Phase.START,), None),  # what it takes to start says nothing about its work
        (0.0, 8, (Phase.REQUESTS,), None),
    ],
)
def test_cpus(peak: float, cpus: int, phases: tuple[Phase, ...], value: str | None) -> None:
    assert learned("cpus", of(("cpu", peak), *phases, cpus=cpus)) == value


@pytest.mark.parametrize(
    ("peak", "hard", "value"),
    [(40.0, None, "65536"), (40.0, 1 << 20, "65536"), (40000.0, 1 << 20, "262144"), (40.0, 4096, None)],
)
def test_open_files(peak: float, hard: int | None, value: str | None) -> None:
    assert learned("ulimit-nofile", of(("open_files", peak), hard=hard)) == value
