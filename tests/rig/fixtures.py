"""Pytest fixtures for the real engines of `engine.py`; tests/conftest.py exposes them to every test.

All engines that the chosen tests name are launched together when the first is needed: starting takes seconds each,
most of it waiting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rig.engine import KINDS, Rig, complete, launch
from rig.plan import NoEngineError


class Engines:
    """The engines of this session, by name."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._launched: dict[str, Rig | NoEngineError] = {}
        self._ready: dict[str, Rig] = {}

    def get(self, name: str) -> Rig:
        """That engine, running; skips or fails the test where it can't be started."""
        for each in dict.fromkeys((name, *self._wanted)):
            if each not in self._launched:
                try:
                    self._launched[each] = launch(each)
                except NoEngineError as error:
                    self._launched[each] = error
        found = self._launched[name]
        try:
            if isinstance(found, NoEngineError):
                raise found
            if name not in self._ready:
                self._ready[name] = complete(found)
        except NoEngineError as error:
            self._launched[name] = error
            if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
                pytest.fail(str(error))
            pytest.skip(str(error).splitlines()[0])
        return self._ready[name]

    def close(self) -> None:
        for found in self._launched.values():
            if isinstance(found, Rig):
                found.close()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """The engines by name, started on first use."""
    named: set[str] = set()
    for item in request.session.items:
        names = getattr(item, "fixturenames", ())
        named.update(KINDS if "any_engine" in names else (name for name in names if name in KINDS))
    found = Engines(tuple(name for name in KINDS if name in named))
    yield found
    found.close()


@pytest.fixture(scope="session")
def docker_rootful(engines: Engines) -> Rig:
    return engines.get("docker_rootful")


@pytest.fixture(scope="session")
def docker_rootless(engines: Engines) -> Rig:
    return engines.get("docker_rootless")


@pytest.fixture(scope="session")
def podman_rootful(engines: Engines) -> Rig:
    return engines.get("podman_rootful")


@pytest.fixture(scope="session")
def podman_rootless(engines: Engines) -> Rig:
    return engines.get("podman_rootless")


@pytest.fixture(scope="session", params=KINDS)
def any_engine(engines: Engines, request: pytest.FixtureRequest) -> Rig:
    """Each of the four kinds in turn."""
    name: str = request.param
    return engines.get(name)


def mark_engine_tests(items: list[pytest.Item]) -> None:
    """Mark each test that uses an engine with `engines`."""
    for item in items:
        if {"any_engine", "engines", *KINDS} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.engines)
