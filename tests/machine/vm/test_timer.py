"""The service and the timer of packaging/fleet under a real systemd: they run, with their few rights, and tell all.

The machine is booted once (`machine.py`); `guest_timer.py` has the steps. Slow: a machine takes minutes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from machine.vm.machine import Machine, NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, booted, with all steps taken."""
    try:
        yield boot("apparmor", tmp_path_factory.mktemp("timer"), "guest_timer.py")
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def lines(machine: Machine, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (machine.out / name).read_text().splitlines()]


def test_systemd_takes_the_units(machine: Machine) -> None:
    code, said = machine.truth["verified"]
    assert (code, said) == (0, "")
    timer = machine.truth["timer"]
    assert (timer["ActiveState"], timer["UnitFileState"]) == ("active", "enabled")
    assert timer["NextElapseUSecMonotonic"] not in ("", "0", "infinity")


def test_it_ends_well_with_its_three_capabilities(machine: Machine) -> None:
    service = machine.truth["service"]
    assert (machine.truth["started"][0], service["Result"], service["ExecMainStatus"]) == (0, "success", "0"), (
        machine.truth["journal"]
    )
    assert set(service["CapabilityBoundingSet"].split()) == {"cap_sys_ptrace", "cap_dac_read_search", "cap_sys_admin"}
    assert service["NoNewPrivileges"] == "yes"
    assert machine.truth["owners"] == [[0, 0, "644"], [0, 0, "644"]]
    assert machine.truth["left"] is False


def test_it_tells_what_root_tells(machine: Machine) -> None:
    told, root = (
        {(each["engine"], each["name"]): each for each in lines(machine, name) if each["type"] == "container"}
        for name in ("report.ndjson", "root.ndjson")
    )
    assert {name for _, name in told} == {name for _, name in root} == {"web", "db"}
    for key, each in root.items():
        assert told[key]["exposure"] == each["exposure"]
        assert told[key]["exposure_verified"] == each["exposure_verified"]


def test_prometheus_reads_it_and_what_is_gone_is_gone(machine: Machine) -> None:
    for text, names in (((machine.out / "stratascope.prom").read_text(), {"web", "db"}),
                        (machine.truth["rewritten"], {"db"})):  # fmt: skip
        found = {sample.labels["name"] for family in text_string_to_metric_families(text) for sample in family.samples
                 if family.name == "stratascope_container_exposure"}  # fmt: skip
        assert found == names
