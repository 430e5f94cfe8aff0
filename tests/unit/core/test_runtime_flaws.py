"""Flaws by a runtime's version: as runtimes and engines tell it, and as a container's finding says it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Finding, Table
from stratascope.core.runtime_flaws import FLAWS, RuntimeBuild, build_of, flaws_in, of_words, parse_version, unchanged
from stratascope.core.severity import Severity
from stratascope.engines.docker.engine import runtimes
from stratascope.engines.shared.json_reader import JsonObject
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.layer import LAYER
from stratascope.value import replace
from unit.layers.surroundings import around, container

OF_2025 = ("CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881")
DEFAULT, PRIVILEGED = recorded("lsm/apparmor/docker-default"), recorded("lsm/apparmor/docker-privileged")
ROOTLESS = recorded("lsm/apparmor/rootless-default")


def build(version: str, commit: str = "", program: str = "runc") -> RuntimeBuild:
    return RuntimeBuild(program, program, version, commit)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.8", (1, 2, 8, 10_000)),
        ("v1.1.12", (1, 1, 12, 10_000)),
        ("1.4.0-rc.3", (1, 4, 0, 3)),
        ("1.0.0-rc93", (1, 0, 0, 93)),
        ("1.0.0~rc93+ds1", (1, 0, 0, 93)),
        ("1.1.15+ds1", (1, 1, 15, 10_000)),
        ("1.1.12-0ubuntu2~22.04.1", (1, 1, 12, 10_000)),
        ("1.21", (1, 21, 0, 10_000)),
        ("", None),
        ("unknown", None),
        ("12345.1", None),
    ],
)
def test_versions(text: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("version", "flaws"),
    [
        ("1.2.7", OF_2025),
        ("1.2.8", ()),
        ("1.2.9", ()),
        ("1.3.2", OF_2025),
        ("1.3.3", ()),
        ("1.4.0-rc.2", OF_2025),
        ("1.4.0-rc.3", ()),
        ("1.4.0", ()),
        ("1.5.0-rc.1", ()),
        ("2.0.0", ()),
        ("1.1.15+ds1", OF_2025),
        ("1.1.13", (*OF_2025, "CVE-2024-45310")),
        ("1.2.0-rc.2", (*OF_2025, "CVE-2024-45310")),
        ("1.2.0-rc.3", OF_2025),
        ("1.1.11", (*OF_2025, "CVE-2024-45310", "CVE-2024-21626")),
        ("1.0.0-rc92", (*OF_2025, "CVE-2024-45310", "CVE-2021-30465")),
        ("1.0.0-rc2", ("CVE-2025-31133", "CVE-2025-52881", "CVE-2024-45310", "CVE-2021-30465", "CVE-2019-5736")),
        ("of no number", ()),
    ],
)
def test_flaws_of_runc(version: str, flaws: tuple[str, ...]) -> None:
    assert tuple(each.id for each in flaws_in(build(version))) == flaws


@pytest.mark.parametrize(
    ("program", "version", "flaws"),
    [
        ("crun", "1.21", ()),
        ("crun", "0.10.4", ("CVE-2019-18837",)),
        ("youki", "0.5.6", ("CVE-2025-62161", "CVE-2025-62596")),
        ("youki", "0.5.7", ()),
        ("other", "0.1", ()),
    ],
)
def test_flaws_of_others(program: str, version: str, flaws: tuple[str, ...]) -> None:
    assert tuple(each.id for each in flaws_in(build(version, program=program))) == flaws


def test_every_row_is_whole() -> None:
    for flaw in FLAWS:
        assert all(parse_version(text) for text in flaw.fixed)
        assert flaw.since == "" or parse_version(flaw.since)
        assert flaw.source
        assert flaw.id.startswith("CVE-")


@pytest.mark.parametrize(
    ("version", "commit", "package", "sure"),
    [
        ("1.3.2", "v1.3.2-0-gaeabe4e", "", True),
        ("1.3.2", "v1.3.2-0-gaeabe4e", "runc_1.3.2-1_amd64", False),
        ("1.3.2", "v1.3.2-4-gaeabe4e", "", False),
        ("1.3.3", "v1.3.2-0-gaeabe4e", "", False),
        ("1.1.12", "a9833ff391a71b30069a6c3f816db113379a4346", "", False),
        ("1.1.15+ds1", "1.1.15+ds1-2+deb13u1", "", False),
    ],
)
def test_only_the_commit_of_a_release_says_that_it_is_unchanged(
    version: str, commit: str, package: str, sure: bool
) -> None:
    assert unchanged(RuntimeBuild("runc", "runc", version, commit, package)) is sure


def info(**fields: Any) -> JsonObject:
    return JsonObject({"DefaultRuntime": "runc", **fields})


def features(**annotations: str) -> dict[str, Any]:
    text = json.dumps({"annotations": {name.replace("_", "."): value for name, value in annotations.items()}})
    return {"path": "x", "status": {"org.opencontainers.runtime-spec.features": text}}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (  # Docker 26.1 of Debian 13
            info(
                Runtimes={"runc": features(org_opencontainers_runc_version="1.1.15+ds1")},
                RuncCommit={"ID": "1.1.15+ds1-2+deb13u1"},
            ),
            (RuntimeBuild("runc", "runc", "1.1.15+ds1", "1.1.15+ds1-2+deb13u1"),),
        ),
        (  # an older API
            info(Runtimes={"runc": {"path": "runc"}}, RuncCommit={"ID": "v1.1.11-0-g4bccb38"}),
            (RuntimeBuild("runc", "runc", "1.1.11", "v1.1.11-0-g4bccb38"),),
        ),
        (
            info(
                Runtimes={
                    "crun": features(run_oci_crun_version="1.21", run_oci_crun_commit="1026984"),
                    "nvidia": features(
                        org_opencontainers_runc_version="1.3.2", org_opencontainers_runc_commit="v1.3.2-0-gaeabe4e"
                    ),
                    "runc": {"path": "runc"},
                },
                RuncCommit={"ID": "0123456789abcdef"},
            ),
            (
                RuntimeBuild("crun", "crun", "1.21", "1026984"),
                RuntimeBuild("nvidia", "runc", "1.3.2", "v1.3.2-0-gaeabe4e"),
            ),
        ),
        (info(), ()),
        (info(Runtimes={"runc": {"status": {"org.opencontainers.runtime-spec.features": "no JSON"}}}), ()),
    ],
)
def test_what_docker_tells(told: JsonObject, found: tuple[RuntimeBuild, ...]) -> None:
    assert runtimes(told) == found


def test_what_podman_tells() -> None:
    words = "crun version 1.21\ncommit: 10269840aa07\nrundir: /run/crun\nspec: 1.0.0"
    assert of_words("crun", words, "crun_1.21-1") == RuntimeBuild("crun", "crun", "1.21", "10269840aa07", "crun_1.21-1")
    assert of_words("runsc", "runsc version release-20250101.0") is None
    assert of_words("", "") is None


def test_a_container_names_its_runtime_or_its_path() -> None:
    known = (build("1.2.8"), build("1.21", program="crun"))
    assert build_of("runc", known) == known[0]
    assert build_of("/usr/bin/crun", known) == known[1]
    assert build_of("kata", known) is None


def near(*builds: RuntimeBuild) -> Surroundings:
    found = around()
    facts = replace(found.engine.facts, runtime="runc", runtimes=builds)
    return replace(found, engine=replace(found.engine, facts=facts))


def said(process: Any, surroundings: Surroundings, runtime: str = "") -> Finding | None:
    thing = replace(container(), runtime=runtime)
    facts = LAYER.decode(process, thing, surroundings)
    found = LAYER.assessed(facts, LAYER.asked(thing), surroundings).findings
    return next((each for each in found if each.code == "namespaces.runtime-version"), None)


def test_a_release_has_them_by_its_version() -> None:
    found = said(DEFAULT, near(build("1.3.2", "v1.3.2-0-gaeabe4e")))
    assert found is not None
    assert found.severity is Severity.MEDIUM
    assert translate(found.text) == (
        "By its version, runc 1.3.2 has 3 known escape vulnerabilities: CVE-2025-31133, CVE-2025-52565, CVE-2025-52881."
    )
    assert found.refs == OF_2025


def test_a_distribution_may_have_mended_them() -> None:
    found = said(DEFAULT, near(build("1.1.15+ds1", "1.1.15+ds1-2+deb13u1")))
    assert found is not None
    assert found.severity is Severity.LOW
    assert "may have" in translate(found.text)


def test_who_is_not_root_outside_has_little_of_it() -> None:
    found = said(ROOTLESS, near(build("1.3.2", "v1.3.2-0-gaeabe4e")))
    assert found is not None
    assert found.severity is Severity.LOW


def test_masks_are_lost_only_where_there_are_some() -> None:
    found = said(PRIVILEGED, near(build("1.3.2", "v1.3.2-0-gaeabe4e")))
    assert found is not None
    assert found.refs == OF_2025[1:]


@pytest.mark.parametrize(
    ("surroundings", "runtime"),
    [
        (near(), ""),
        (near(build("1.3.3")), ""),
        (near(build("1.3.2")), "crun"),
        (near(build("1.3.2"), build("1.21", program="crun")), "/usr/bin/crun"),
    ],
)
def test_nothing_is_said_of_what_is_mended_or_not_known(surroundings: Surroundings, runtime: str) -> None:
    assert said(DEFAULT, surroundings, runtime) is None


def test_its_rows_say_what_an_attacker_must_control() -> None:
    surroundings = near(build("1.1.11", "v1.1.11-0-g4bccb38"))
    thing = container()
    facts = LAYER.decode(DEFAULT, thing, surroundings)
    tabs = LAYER.assessed(facts, LAYER.asked(thing), surroundings).tabs
    parts = [part for tab in tabs for part in tab.views if isinstance(part, Table)]
    rows = next(part.rows for part in parts if translate(part.title) == "Runtime")
    assert translate(rows[0].value) == "runc 1.1.11"
    told = {translate(row.label): translate(row.value) for row in rows}
    assert "session in a directory" in told["CVE-2024-21626"]
