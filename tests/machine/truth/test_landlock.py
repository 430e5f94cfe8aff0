"""As root a Landlock domain is read by BPF, and what it refuses is told as stopped by access control."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from machine.truth.fleet import report
from rig.collector import target
from rig.engine import Rig


@pytest.fixture(scope="module", autouse=True)
def program() -> Iterator[None]:
    yield
    target.remove()


def landlocked(rig: Rig, name: str, *options: str, word: str) -> tuple[str, dict[str, Any]]:
    """What the program said of its own attempt to write, and what the report says of its container."""
    folder = rig.folder / "landlock"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    program = folder / "landlocked"
    if not program.exists():
        program.write_bytes(target.built("landlocked").read_bytes())
        program.chmod(0o755)
    options = ("-v", f"{folder}:/programs:ro", "--security-opt", "seccomp=unconfined", *options)
    with rig.container(*options, name=name, command=("/programs/landlocked", word)) as container:
        until = time.monotonic() + 20
        while not (said := rig.run("logs", container)):
            assert time.monotonic() < until
            time.sleep(0.05)
        return said, report(rig, name)[name]


@pytest.mark.parametrize("name", ["docker_rootful", "podman_rootful"])
def test_what_a_domain_refuses(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    for word, real, outcome in (("restricted", "refused", "stopped"), ("free", "made", "open")):
        said, found = landlocked(rig, f"landlock-{word}", word=word)
        assert said == real, "the kernel's own word"
        threat = found["threats"]["write-root-file-system"]
        assert threat["outcome"] == outcome
        assert ("Landlock" in threat["reasons"]["mac"]["text"]) == (word == "restricted")
        domain = found["layers"]["mac"]["facts"]["landlock"]
        assert (domain and domain["handled"]) == (["make_reg", "refer"] if word == "restricted" else None)


def test_an_engine_that_was_asked_for_no_new_privileges_hides_no_domain(docker_rootful: Rig) -> None:
    for word, outcome in (("restricted", "stopped"), ("free", "open")):
        said, found = landlocked(docker_rootful, "told", "--security-opt", "no-new-privileges", word=word)
        assert said == ("made" if word == "free" else "refused")
        assert found["threats"]["write-root-file-system"]["outcome"] == outcome
