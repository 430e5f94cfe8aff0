"""What would close a row: devices that came with --privileged go with it, asked-for ones alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from stratascope.core.container import Asked, AskedDevice
from stratascope.core.reach.row import Answer, How, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.usecases.reach.remedies import added
from stratascope.usecases.reach.subject import Judged

DISK = (AskedDevice("/dev/sda", "/dev/sda", "rwm"),)


@pytest.mark.parametrize("thing", ["host-disks", "devices"])
@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (Asked(privileged=True), "privileged=off"),
        (Asked(privileged=True, devices=DISK), "devices=remove"),
        (Asked(devices=DISK), "devices=remove"),
    ],
)
def test_what_closes_devices(thing: str, asked: Asked, value: str) -> None:
    subject: Any = SimpleNamespace(engine=object(), state=SimpleNamespace(container=SimpleNamespace(asked=asked)))
    found = added(ReachRow(BY_ID[thing], Answer.OPEN, "/dev/sda"), cast("Judged", subject)).remedy
    assert found is not None
    assert (found.how, found.value) == (How.TOGGLE, value)
