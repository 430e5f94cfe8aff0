"""Seccomp profiles: custom ones as they are, Docker's default as measured, taken by the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.formats.exported import exported
from rig.torture import PROFILE
from stratascope.core.container import Asked, EngineKind, ProfileKind
from stratascope.core.options.request import RunOptions
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.linux.defaults import default_filter
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi
from stratascope.value import replace

_ASKED = Asked(seccomp=ProfileKind.DEFAULT, capabilities=("CAP_CHOWN",))


def _options(kind: EngineKind = EngineKind.DOCKER, asked: Asked = _ASKED, seccomp: str = "") -> RunOptions:
    return RunOptions(kind=kind, name="web", image="busybox", before=asked, asked=asked, seccomp=seccomp)


@pytest.mark.parametrize("held", [(), ("CAP_CHOWN",), ("CAP_SYS_ADMIN", "CAP_SYS_CHROOT"), ("CAP_SYS_MODULE",)])
@pytest.mark.parametrize("abi", [Abi.X86_64, Abi.I386])
def test_the_default_answers_as_it_was_measured(held: tuple[str, ...], abi: Abi) -> None:
    asked = replace(_ASKED, capabilities=held)
    profile = parse_profile(export(ExportKind.SECCOMP, _options(asked=asked)))
    found = resolve(profile, frozenset(held), (6, 18), "x86_64", abi)
    wanted = default_filter("docker", "28.5", frozenset(held), abi)
    assert {name: set(found.of(name) or ()) for name, _ in wanted.calls} == {
        name: set(outcomes) for name, outcomes in wanted.calls
    }


def test_docker_takes_it(docker_rootful: Rig, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(export(ExportKind.SECCOMP, _options()))
    tried = "unshare -U true; echo $?; chroot / true; echo $?; hostname"
    with docker_rootful.container("--security-opt", f"seccomp={path}") as own, docker_rootful.container() as default:
        one, two = (docker_rootful.run("exec", each, "sh", "-c", tried).splitlines()[:2] for each in (own, default))
        filters = [Path(f"/proc/{docker_rootful.pid(each)}/status").read_text() for each in (own, default)]
    assert all("Seccomp:\t2" in text for text in filters)
    assert one[0] == two[0] != "0"


def test_custom_profiles_stay_as_they_are() -> None:
    given = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [], "x": "ä"}
    asked = Asked(seccomp=ProfileKind.CUSTOM)
    assert json.loads(export(ExportKind.SECCOMP, _options(asked=asked, seccomp=json.dumps(given)))) == given
    by_path = _options(EngineKind.PODMAN, asked, "/p.json")
    assert json.loads(export(ExportKind.SECCOMP, by_path, profile=json.dumps(given))) == given


@pytest.mark.parametrize("kind", [ProfileKind.UNCONFINED, ProfileKind.DEFAULT])
def test_unconfined_is_a_profile_that_allows_all(kind: ProfileKind) -> None:
    options = _options(asked=Asked(seccomp=kind, privileged=kind is ProfileKind.DEFAULT))
    assert json.loads(export(ExportKind.SECCOMP, options)) == {"defaultAction": "SCMP_ACT_ALLOW"}


@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_a_privileged_container_with_a_profile_has_it(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
) -> None:
    rig: Rig = request.getfixturevalue(kind)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(PROFILE))
    with rig.container("--privileged", "--security-opt", f"seccomp={path}") as container:
        # Old versions of Docker ignore it; the other exports name its file all the same
        if rig.kind == "podman":
            assert "Seccomp:\t2" in Path(f"/proc/{rig.pid(container)}/status").read_text()
        with exported(rig, container) as options:
            assert json.loads(export(ExportKind.SECCOMP, options, profile=path.read_text())) == PROFILE


@pytest.mark.parametrize(
    ("options", "profile", "words"),
    [
        (_options(EngineKind.PODMAN), "", "default seccomp profile can't be read"),
        (_options(EngineKind.PODMAN), "{", "not JSON"),
        (_options(EngineKind.PODMAN), "[]", "not a JSON object"),
        (_options(asked=Asked(seccomp=ProfileKind.CUSTOM), seccomp="/gone"), "", "can't be read"),
        (_options(asked=Asked(seccomp=ProfileKind.DEFAULT)), "", "depend"),
    ],
)
def test_what_is_not_known_is_refused(options: RunOptions, profile: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        export(ExportKind.SECCOMP, options, profile=profile)
