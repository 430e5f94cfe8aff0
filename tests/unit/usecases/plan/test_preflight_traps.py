"""Answers of the preflight that depend on time, on others or on what can't be told; engine/traps has real engines."""

from __future__ import annotations

import pytest

from rig.usecases.host import Host
from stratascope.core.container import Asked, AskedMount, Container, EngineKind, Status
from stratascope.core.message import msg
from stratascope.core.relaunch.launch_spec import FileChange, Health, LaunchSpec, RuntimeState
from stratascope.core.snapshot import Trouble
from stratascope.linux.mounts import Propagation
from stratascope.usecases.plan.preflight import Preflight, preflight, unproven
from stratascope.value import replace

NUMBER = "a" * 64


def container(**fields: object) -> Container:
    made = Container("docker", NUMBER, "web", "nginx", Status.RUNNING, 7, 0.0, 1000.0)
    return replace(made, **fields)  # type: ignore[arg-type]


def checked(
    found: Container,
    *others: Container,
    state: RuntimeState | None = None,
    host: Host | None = None,
    kind: EngineKind = EngineKind.DOCKER,
    changes: tuple[FileChange, ...] = (),
    now: float = 5000.0,
) -> Preflight:
    spec = LaunchSpec("docker", kind, NUMBER, "web", "nginx", "sha256:1", found.asked, "{}", "{}")
    spec = replace(spec, state=state or RuntimeState(healthcheck=True, health=Health.HEALTHY))
    return preflight(spec, found, (found, *others), changes, (), host or Host(), now=now)


def codes(made: Preflight) -> tuple[list[str], list[str]]:
    return [item.code for item in made.blocks], [item.code for item in made.warnings]


def test_nothing_to_say() -> None:
    assert codes(checked(container())) == ([], [])


@pytest.mark.parametrize(
    ("restarts", "seconds", "blocked"), [(0, 1, False), (1, 1, True), (1, 59, True), (3, 61, False)]
)
def test_one_that_was_started_again_has_to_run_for_a_while(restarts: int, seconds: float, blocked: bool) -> None:
    made = checked(container(), state=RuntimeState(restarts, healthcheck=True), now=1000.0 + seconds)
    assert codes(made)[0] == (["restarting"] if blocked else [])


def test_infra() -> None:
    assert "infra" in codes(checked(container(infra=True, pod="p")))[0]


@pytest.mark.parametrize(
    ("changes", "blocks"),
    [
        (("/run", "/run/secrets", "/run/secrets/token"), ["compose-secrets"]),
        (("/run", "/run/secrets"), []),
        (("/run", "/run/web.pid"), []),
    ],
)
def test_secrets_of_compose(changes: tuple[str, ...], blocks: list[str]) -> None:
    found = tuple(FileChange(path, "added") for path in changes)
    owned = container(labels=(("com.docker.compose.project", "p"),))
    assert [code for code in codes(checked(owned, changes=found))[0] if code != "compose"] == blocks
    assert codes(checked(container(), changes=found))[0] == []


BIND = AskedMount("bind", "/srv", "/srv", True, "rshared")


@pytest.mark.parametrize(
    ("wanted", "now", "told"),
    [
        ("rshared", Propagation.SHARED, False),
        ("rshared", Propagation.SLAVE, True),
        ("rslave", Propagation.SLAVE, False),
        ("rslave", Propagation.PRIVATE, True),
        ("slave", Propagation.SHARED, False),
        ("rprivate", Propagation.PRIVATE, False),
        ("", Propagation.UNBINDABLE, False),
        ("shared", None, False),  # can't be told
    ],
)
def test_mounts_that_travel(wanted: str, now: Propagation | None, told: bool) -> None:
    found = container(asked=Asked(mounts=(replace(BIND, propagation=wanted),)))
    host = Host(travels=now)
    assert codes(checked(found, host=host)) == (["not-shared"] if told else [], [])
    assert codes(checked(found, host=host, kind=EngineKind.PODMAN)) == ([], ["not-shared"] if told else [])


@pytest.mark.parametrize(("there", "blocked"), [(True, False), (False, True), (None, False)])
def test_what_can_not_be_told_stands_in_nobodys_way(there: bool | None, blocked: bool) -> None:
    found = container(asked=Asked(mounts=(replace(BIND, propagation=""),)))
    assert codes(checked(found, host=Host(there)))[0] == (["bind-gone"] if blocked else [])


def test_a_file_that_was_replaced() -> None:
    found = container(asked=Asked(mounts=(replace(BIND, propagation=""),)))
    assert codes(checked(found, host=Host(other=True)))[1] == ["bind-replaced"]
    assert codes(checked(replace(found, pid=None), host=Host(other=True)))[1] == []


def test_a_healthcheck_that_says_nothing_yet() -> None:
    for health in (Health.STARTING, Health.UNHEALTHY):
        assert codes(checked(container(), state=RuntimeState(healthcheck=True, health=health)))[1] == ["not-healthy"]


def test_what_is_cut_off() -> None:
    made = checked(container(), state=RuntimeState(0, True, 2, False, True, ("net",), ("/etc/hosts",)))
    assert codes(made) == (
        ["network-replaced"], ["attached", "exec-sessions", "log", "no-healthcheck", "edited-files"]
    )  # fmt: skip


def test_where_the_kernel_cannot_be_asked_nothing_is_changed() -> None:
    assert unproven(None) == ()
    (block,) = unproven(Trouble(msg("Closed."), "open it"))
    assert (block.code, block.remedy) == ("confined", None)
    assert dict(block.instead.args)["command"] == "open it"
    (block,) = unproven(Trouble(msg("The service is not there.")))
    assert block.instead == msg("The service is not there.")
