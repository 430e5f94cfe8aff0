"""For all tests: where STRATASCOPE_REQUIRE_ENGINES=1 (as in .ci/run), a test with real engines must not be skipped."""

from __future__ import annotations

import atexit
import faulthandler
import gc
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from pytestqt.wait_signal import SignalBlocker

from rig import slices
from rig.fixtures import (
    any_engine,
    docker_rootful,
    docker_rootless,
    each_api,
    engines,
    hybrid_engine,
    mark_engine_tests,
    one_engine,
    podman_rootful,
    podman_rootless,
)
from stratascope import garbage

os.environ["STRATASCOPE_LANGUAGE"] = "en"  # what tests say of the program's words holds on every developer's desktop

__all__ = (
    "any_engine",
    "docker_rootful",
    "docker_rootless",
    "each_api",
    "engines",
    "hybrid_engine",
    "one_engine",
    "podman_rootful",
    "podman_rootless",
)

HANGS = 300_000  # milliseconds
IN_C = 100.0  # seconds after a test's limit, when a call into C has not returned and Python has no say
STDERR = pytest.StashKey[int]()  # as it is outside tests

if os.geteuid() != Path(__file__).stat().st_uid:  # by sudo, which must leave no files of root in the checkout
    examples = tempfile.TemporaryDirectory(prefix="strata-examples-")
    atexit.register(examples.cleanup)
    set_hypothesis_home_dir(examples.name)

# How long an example takes says how busy the machine is, which is no fault of the program. Quick runs try the same
# examples each time, so that a change that passes here passes everywhere; `make test-all` looks for new ones.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("the same each time", settings.get_profile("any machine"), derandomize=True)
settings.load_profile(
    "any machine" if "slow" in os.environ.get("MARKS", "not slow").split(" or ") else "the same each time"
)


class PatientBot(QtBot):
    """Waits for what is to come about. A limit here says only that it hangs: a busy machine takes its time."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = HANGS) -> None:  # noqa: N802
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: SignalInstance, *, timeout: int = HANGS, **more: Any) -> SignalBlocker:  # noqa: N802
        return super().waitSignal(signal, timeout=timeout, **more)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """The plugin's, with more patience."""
    return PatientBot(request)


def pytest_configure(config: pytest.Config) -> None:
    """Now what is printed is not captured."""
    config.stash[STDERR] = os.dup(2)
    config.pluginmanager.register(slices.from_environment())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses an engine is marked so."""
    mark_engine_tests(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test marked `engines` into a failure that tells why it was skipped."""
    report = yield
    required = os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1"
    asked = item.get_closest_marker("engines") and not item.get_closest_marker("today")
    if required and report.skipped and not hasattr(report, "wasxfail") and asked:
        report.outcome = "failed"
        report.longrepr = f"skipped, though real engines are required: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that does not even end by its limit: show all threads, and end the run."""
    marker = item.get_closest_marker("timeout")
    limit = marker.args[0] if marker is not None else float(item.config.getini("timeout"))
    faulthandler.dump_traceback_later(limit + IN_C, exit=True, file=item.config.stash[STDERR])
    gc.disable()  # as in the program: on another thread it would take windows apart
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
        garbage.collect()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """A thread that does not end keeps Python from ending after the last test: show all threads, and end."""
    faulthandler.dump_traceback_later(HANGS // 1000, exit=True, file=sys.stderr)
