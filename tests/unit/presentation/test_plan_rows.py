"""A plan's rows in words: what is known to be so many is counted, the same in the window and on the command line."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from stratascope.core.observation.observation import Observation, Seen
from stratascope.core.relaunch.hardening_plan import Change, HardeningPlan
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.presentation import plan_report
from stratascope.presentation.plan_rows import evidence_word, in_force_title, in_force_value, row_title, row_words
from stratascope.presentation.terminal import Style
from stratascope.state import capture_file
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.corrections import planned
from stratascope.value import replace
from stratascope.wiring.check import checker
from unit.layers.toggle_subjects import DOCKER, default, subject

GROUND = Path(__file__).parents[2] / "captures" / "golden" / "capture.json"


@cache
def made() -> Checker:
    return checker(None, capture_file.load(GROUND), [], {})


def told(command: str) -> tuple[ContainerState, HardeningPlan]:
    """The container of that command, and its plan."""
    ((_, plan, state),) = planned(made(), command, "command line")
    return state, plan


def row(plan: HardeningPlan, name: str) -> Change:
    return next(each for each in plan.changes if each.choice.id == name)


def test_a_filter_is_told_by_how_many_calls_it_blocks() -> None:
    state, plan = told("docker run --security-opt seccomp=unconfined app")
    found = row(plan, "seccomp")
    assert found.calls is not None
    assert found.calls > 20
    assert row_title(found, state) == f"Block {found.calls} system calls"
    assert row_title(replace(found, calls=1), state) == "Block 1 system call"
    for unknown in (None, 0):
        assert row_title(replace(found, calls=unknown), state) == "Filter system calls"


def test_what_is_left_of_a_privileged_container_is_counted() -> None:
    state, plan = told("docker run --privileged app")
    found = row(plan, "privileged")
    assert row_title(found, state) == "Remove --privileged"
    kept = replace(found, choices=(found.choice, Choice(toggle("devices"), "+/dev/kvm,/dev/fuse:rw")))
    assert row_title(kept, state) == "Remove --privileged, keep 2 devices"


@pytest.mark.parametrize(("given", "title"), [(1, "Remove 1 device"), (3, "Remove 3 devices")])
def test_devices_are_counted(given: int, title: str) -> None:
    options = " ".join(f"--device /dev/thing{number}" for number in range(given))
    state, plan = told(f"docker run {options} app")
    assert row_title(row(plan, "devices"), state) == title
    some = replace(row(plan, "devices"), choices=(Choice(toggle("devices"), "remove"),
                                                  Choice(toggle("devices"), "+/dev/thing0")))  # fmt: skip
    assert row_title(some, state) == f"Keep 1 of {given} devices"


@pytest.mark.parametrize(
    ("mounts", "title"),
    [
        ("-v /opt/media:/media", "Make /media read-only"),
        ("-v /opt/media:/media -v /var/run/docker.sock:/run/docker.sock", "Make /media read-only"),
        ("-v /opt/media:/media -v /srv:/srv", "Make host paths read-only"),
    ],
)
def test_one_path_of_the_host_is_named(mounts: str, title: str) -> None:
    """Its pull-down does not say the same once more."""
    state, plan = told(f"docker run {mounts} app")
    assert row_words(row(plan, "host-paths"), state) == title


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_peak_is_short_wherever_it_was_seen(elsewhere: bool) -> None:
    of = subject(default(DOCKER), seen=Observation(Seen(30.0, 1), peaks=(("memory", 3.0 * 2**20), ("pids", 6.0))))
    found = row(told("docker run app")[1], "user")
    words = [
        translate(
            evidence_word(replace(found, evidence=toggle(name).evidence("1", replace(of, elsewhere=elsewhere)))).text
        )
        for name in ("memory", "pids")
    ]
    assert words == ["peak 3 MiB", "peak 6"]


@pytest.mark.parametrize(
    ("source", "target", "title"),
    [
        ("/run/podman/podman.sock", "/var/run/docker.sock", "Remove the Podman socket"),
        ("/srv/engine/api.sock", "/var/run/docker.sock", "Remove the Docker socket"),
        ("/var/run/docker.sock", "/api.sock", "Remove the Docker socket"),
    ],
)
def test_a_socket_is_called_after_the_engine_whose_it_is(source: str, target: str, title: str) -> None:
    state, plan = told(f"docker run -v {source}:{target} app")
    assert row_title(row(plan, "engine-socket"), state) == title


def test_the_command_line_has_the_same_words() -> None:
    state, plan = told("docker run --privileged -v /var/run/docker.sock:/var/run/docker.sock --memory 512m app")
    words = [row_words(each, state) for each in plan.changes]
    assert "Remove the Docker socket" in words
    assert [each["title"] for each in plan_report.json_object(plan, state)["plan"]] == words
    lines = [re.sub(" +", " ", line) for line in plan_report.lines("app", plan, Style(), state)]
    for each in words:
        assert any(line.lstrip().startswith(("[x] " + each, "[ ] " + each)) for line in lines), each


@pytest.mark.parametrize(
    ("name", "value", "title", "beside"),
    [
        ("capabilities", "CHOWN,SETUID,KILL", "Drop unused capabilities", "keeps 3"),
        ("capabilities", "none", "Drop unused capabilities", ""),
        ("drop", "SYS_ADMIN", "Drop SYS_ADMIN", ""),
        ("host-paths", "/media", "Make /media read-only", ""),
        ("memory", "1073741824", "Limit memory", "1 GiB"),
    ],
)
def test_what_is_in_force_says_what_it_leaves(name: str, value: str, title: str, beside: str) -> None:
    choice = Choice(toggle(name), value)
    assert (in_force_title(choice), in_force_value(choice)) == (title, beside)
