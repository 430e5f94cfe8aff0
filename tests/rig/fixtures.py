"""Pytest fixtures for the real engines of `engine.py`; tests/conftest.py exposes them to every test.

All engines that the chosen tests name are launched together when the first is needed: starting takes seconds each,
most of it waiting.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from rig.engine import HYBRID, KINDS, Rig, complete, launch
from rig.plan import NoEngineError


class Engines:
    """The engines of this session, by name."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._launched: dict[str, Rig | NoEngineError] = {}
        self._ready: dict[str, Rig] = {}

    def get(self, name: str) -> Rig:
        """That engine, running; skips or fails the test if it can't be started."""
        # see `needed`
        assert os.environ.get("PART") not in ("rest", "window"), "a test that starts an engine has to name it"
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


def needed(item: pytest.Item) -> set[str]:
    """The engines that a test names by fixture or parameter; `engines` if it chooses at run time."""
    fixtures = set(getattr(item, "fixturenames", ()))
    found = fixtures & {*KINDS, *HYBRID}
    if isinstance(item, pytest.Function) and hasattr(item, "callspec") and fixtures & {"engines", "request"}:
        for value in item.callspec.params.values():
            found.update(each for each in (value if isinstance(value, tuple) else (value,)) if each in KINDS + HYBRID)
    if not found and ("engines" in fixtures or item.get_closest_marker("engines") is not None):
        found.add("engines")
    return found


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """The engines by name, started on first use."""
    named = {name for item in request.session.items for name in needed(item)}
    found = Engines(tuple(name for name in KINDS + HYBRID if name in named))
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
    """Each of the four kinds in turn: for behaviour that differs between them."""
    name: str = request.param
    return engines.get(name)


@pytest.fixture(scope="session", params=HYBRID)
def hybrid_engine(engines: Engines, request: pytest.FixtureRequest) -> Rig:
    """Rootful Docker and Podman whose containers have a group in each hierarchy, for observing."""
    name: str = request.param
    return engines.get(name)


def left_out(*quick: str) -> list[Any]:
    """All four kinds; those not named here run in `make test-all` only."""
    return [pytest.param(kind, marks=() if kind in quick else pytest.mark.slow) for kind in KINDS]


@pytest.fixture(scope="session", params=left_out("docker_rootful", "podman_rootless"))
def each_api(engines: Engines, request: pytest.FixtureRequest) -> Rig:
    """Docker and Podman: for behaviour that depends on the API, not on the user."""
    name: str = request.param
    return engines.get(name)


@pytest.fixture(scope="session", params=left_out("podman_rootless"))
def one_engine(engines: Engines, request: pytest.FixtureRequest) -> Rig:
    """One engine: for code that is the same for all."""
    name: str = request.param
    return engines.get(name)


def mark_engine_tests(items: list[pytest.Item]) -> None:
    """Mark each test that uses an engine with `engines`, and with `podman_alone` if it needs no Docker."""
    for item in items:
        named = needed(item)
        if named:
            if item.nodeid.startswith(("tests/unit/", "tests/window/")):
                raise pytest.UsageError(f"{item.nodeid} uses an engine: it belongs into tests/engine")
            item.add_marker(pytest.mark.engines)
        # attempts search the host's processes for their peers, so two engines' attempts must not run concurrently
        if (
            named
            and all(name.startswith("podman") for name in named)
            and not item.nodeid.startswith("tests/machine/attempts/")
        ):
            item.add_marker(pytest.mark.podman_alone)
    mark_further_engines(items)


def mark_further_engines(items: list[pytest.Item]) -> None:
    """Mark further engines of a test as slow: `make test` runs each test on one engine, not always the same.

    The adapters' tests (tests/engine/engines) run on one engine per API.
    """
    alike: dict[str, list[pytest.Item]] = {}
    for item in items:
        kinds = _kinds(item)
        if len(kinds) == 1 and item.get_closest_marker("slow") is None:
            api = kinds[0].partition("_")[0] if item.nodeid.startswith("tests/engine/engines/") else ""
            alike.setdefault(f"{item.nodeid.replace(kinds[0], '')} {api}", []).append(item)
    for promise, found in alike.items():
        chosen = zlib.crc32(promise.encode()) % len(found)
        for item in (*found[:chosen], *found[chosen + 1 :]):
            item.add_marker(pytest.mark.slow)


def _kinds(item: pytest.Item) -> list[str]:
    """The engines that its parameters name."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return []
    return [value for value in item.callspec.params.values() if value in KINDS + HYBRID]
