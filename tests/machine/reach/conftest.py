"""What is tried, made once a module, as the home of whoever asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.reach.trying import Target, target
from stratascope.collector import attempts, privileged_readings, reach
from stratascope.collector.names import TRIED


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with target(Path(f"/srv/stratascope-reach-{os.getpid()}")) as made:
        yield made


@pytest.fixture(autouse=True)
def home(there: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(there.home))
    # a busy machine is no reason to find less
    monkeypatch.setitem(privileged_readings.MORE, TRIED, 30.0)
    monkeypatch.setattr(attempts, "SECONDS", 15.0)
    monkeypatch.setattr(privileged_readings, "TARGET_LIMIT", 12.0)
    monkeypatch.setattr(reach, "SECONDS", 10.0)
