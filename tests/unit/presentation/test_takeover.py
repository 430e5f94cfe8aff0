"""What is not seen is named: containers of which nothing is known, engines that might have the one that is sought."""

from __future__ import annotations

import pytest

from rig.presentation import page_sample
from stratascope.core.capture import Gap, GapKind
from stratascope.core.container import ENGINES, Engine, EngineKind, EngineState, Status
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import not_found, unchecked_engines, unread
from stratascope.value import replace


@pytest.mark.parametrize("kind", [*GapKind, None])
def test_a_running_container_of_which_nothing_is_known(kind: GapKind | None) -> None:
    whole = page_sample.golden()
    assert unread(whole) == (), "those that do not run have no exposure either"
    first = next(state for state in whole.containers if state.matrix is not None)
    blind = replace(first, matrix=None, gap=None if kind is None else Gap(kind))
    odd = replace(blind, container=replace(blind.container, pid=None, status=Status.UNKNOWN, error="Memory: 'x'"))
    assert unread(replace(whole, containers=(odd,))) == unread(replace(whole, containers=(blind,)))
    found = unread(replace(whole, containers=(blind, *whole.containers)))
    assert found == (() if kind is GapKind.GONE else (first.container.name,))


@pytest.mark.parametrize(
    ("states", "named"),
    [
        ({"docker": EngineState.CONNECTED, "podman": EngineState.CONNECTED}, ""),
        ({"docker": EngineState.STOPPED, "podman": EngineState.CONNECTED}, ""),
        ({"docker": EngineState.DENIED, "podman": EngineState.CONNECTED}, " docker can't be asked: Do this."),
        ({"docker": EngineState.UNREACHABLE, "podman": EngineState.ABSENT}, " docker can't be asked: Do this."),
        ({"docker": EngineState.STOPPED, "podman": EngineState.ABSENT}, " docker can't be asked: Do this."),
        (
            {"docker": EngineState.STOPPED, "podman": EngineState.DENIED},
            " docker can't be asked: Do this. podman can't be asked: Do this.",
        ),
    ],
)
def test_why_the_container_that_is_sought_may_be_elsewhere(states: dict[str, EngineState], named: str) -> None:
    engines = [
        Engine(name, EngineKind.DOCKER, "unix:///x", state=state, message=msg("Do this."))
        for name, state in states.items()
    ]
    assert (
        translate(not_found("web", engines))
        == f"No container has the name or ID web.{named or ' See stratascope list.'}"
    )


def test_against_whose_containers_no_limit_can_be_held() -> None:
    here, there = "unix:///x", "tcp://there:2375"
    engines = [
        Engine(f"{kind}-{state}-{place[:3]}", kind, place, state=state)
        for kind in ENGINES
        for state in EngineState
        for place in (here, there)
    ]
    silent = [f"{kind}-{state}-{place}" for kind in ENGINES for state in ("denied", "unreachable")
              for place in ("uni", "tcp")]  # fmt: skip
    stopped = ["docker-stopped-tcp", "podman-stopped-uni", "podman-stopped-tcp"]
    assert sorted(unchecked_engines(engines, named=False)) == sorted([*silent, *stopped])
    assert len(unchecked_engines(engines, named=True)) == len(engines) - 4, "all but those that are connected"
