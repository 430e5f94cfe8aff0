"""A session that holds more than the container: really made by exec, found by the program."""

from __future__ import annotations

from typing import Any

from machine.truth import own_reading
from machine.truth.fleet import again_and_again, report
from machine.truth.sessions import session
from rig.engine import Rig


def one(rig: Rig, name: str) -> dict[str, Any]:
    found: dict[str, Any] = report(rig, name)[name]
    return found


def test_a_privileged_session_is_drift(each_api: Rig) -> None:
    rig = each_api
    with rig.container("--cap-drop", "ALL", name="drifting") as container:
        before = one(rig, "drifting")
        assert [process for process in before["processes"] if process["drift"]] == []
        with session(rig, container, "--privileged"):
            found = one(rig, "drifting")
        processes = [process for process in found["processes"] if process["command"] == "sleep"]
        assert len(processes) == 1
        assert "capabilities.effective" in processes[0]["drift"]
        codes = {finding["code"] for finding in found["findings"]} - {item["code"] for item in before["findings"]}
        assert any(code.startswith("capabilities.") for code in codes)
        # the first process is what it was, and so are the layers' verdicts
        assert found["layers"]["capabilities"]["facts"] == before["layers"]["capabilities"]["facts"]


def test_an_ordinary_session_is_none(each_api: Rig) -> None:
    with each_api.container("--cap-drop", "ALL", name="calm") as container, session(each_api, container):
        found = one(each_api, "calm")
        sleeper = [process for process in found["processes"] if process["command"] == "sleep"]
        assert len(sleeper) == 1
        assert sleeper[0]["drift"] == []
        assert int(own_reading.status(sleeper[0]["pid"])["NSpid"].split()[-1]) == sleeper[0]["pid_inside"]


def test_an_exec_that_is_being_set_up_is_none(each_api: Rig) -> None:
    """The runtime is in the container's namespaces for some milliseconds, with all rights: it is not the container."""
    rig = each_api
    with rig.container("--cap-drop", "ALL", name="busy"), again_and_again(rig, ("exec", "busy", "true")):
        for _ in range(4):
            found = one(rig, "busy")
            assert [process for process in found["processes"] if process["drift"]] == []
