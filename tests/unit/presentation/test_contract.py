"""The JSON report's contract: what shared scripts rely on is there, with its type; the text report does not change.

`report.txt` in `tests/captures/golden` is the text of `capture.json` there, which was read of real containers. After a
change that is meant, STRATASCOPE_GOLDEN=write makes it anew.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from rig.places import GOLDEN
from rig.presentation import page_sample
from stratascope.core.message import msg
from stratascope.core.snapshot import Snapshot, Trouble
from stratascope.layers import all_layers
from stratascope.presentation import json_report, text_report
from stratascope.presentation.html import page as as_html
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

LAYERS = {"namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap"}
SETS = ("inheritable", "permitted", "effective", "bounding", "ambient")
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
GAPS = {"ABSENT", "DENIED", "GONE", "UNSUPPORTED", "UNPARSED", "FOREIGN", "CONFINED"}
VERDICTS = {"ENFORCED", "WEAKENED", "OPEN", "UNKNOWN"}
NUMBER, TEXT, FLAG = (int, type(None)), (str, type(None)), (bool, type(None))


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return assembler().snapshot(capture_file.load(GOLDEN / "capture.json"), demo=True)


@pytest.fixture(scope="module")
def document(snapshot: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json_report.render(snapshot))
    return found


def typed(found: dict[str, Any], **kinds: Any) -> None:
    for name, kind in kinds.items():
        assert name in found
        assert isinstance(found[name], kind), (name, found[name])
        if kind in (int, NUMBER):
            assert not isinstance(found[name], bool), name


@pytest.mark.parametrize("details", [False, True])
def test_golden_text(snapshot: Snapshot, details: bool) -> None:
    file = GOLDEN / ("report-details.txt" if details else "report.txt")
    found = text_report.render(snapshot, all_layers(), text_report.Style(details=details))
    if os.environ.get("STRATASCOPE_GOLDEN") == "write":
        file.write_text(found, encoding="utf-8")
    assert found == file.read_text(encoding="utf-8")


def test_top(document: dict[str, Any]) -> None:
    typed(document, schema=int, taken_at=str, ground=dict, engines=list, containers=list)
    assert document["schema"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["taken_at"])
    typed(document["ground"], kernel=str, lsms=(list, type(None)), sysctls=dict)
    assert all(isinstance(value, str) for value in document["ground"]["sysctls"].values())


def test_engines(document: dict[str, Any]) -> None:
    assert document["engines"]
    for engine in document["engines"]:
        typed(engine, id=str, kind=str, rootless=bool, endpoint=str, state=str, version=str, message=str)
        typed(engine, daemon_uid=NUMBER, socket_mode=TEXT, socket_group=TEXT)
        assert engine["kind"] in ("docker", "podman")
        assert engine["state"] in ("connected", "denied", "absent", "stopped", "unreachable")


def test_containers(document: dict[str, Any]) -> None:
    assert {container["status"] for container in document["containers"]} == {"running", "created"}
    for container in document["containers"]:
        typed(container, engine=str, id=str, name=str, image=str, status=str, pid=NUMBER, layers=dict)
        typed(container, processes=list, findings=list)
        assert set(container["layers"]) == LAYERS
        for process in container["processes"]:
            typed(process, pid=int, pid_inside=NUMBER, command=str, drift=list)
        for finding in container["findings"]:
            typed(finding, code=str, layer=str, severity=str, text=str, source=str, refs=list)
            assert finding["severity"] in ("critical", "high", "medium", "low")
            assert finding["layer"] in LAYERS
            assert finding["code"].startswith(f"{finding['layer']}.")


def test_layers(document: dict[str, Any]) -> None:
    for container in document["containers"]:
        codes = {finding["code"] for finding in container["findings"]}
        for layer in container["layers"].values():
            typed(layer, verdict=str, facts=dict, findings=list, gaps=list, asked=dict)
            assert layer["verdict"] in VERDICTS
            assert set(layer["findings"]) <= codes
            for gap in layer["gaps"]:
                typed(gap, what=str, gap=str, errno=NUMBER)
                assert gap["gap"] in GAPS


def test_without_a_process(document: dict[str, Any]) -> None:
    resting = [container for container in document["containers"] if container["pid"] is None]
    assert resting
    for container in resting:
        for layer in container["layers"].values():
            assert (layer["verdict"], layer["facts"]) == ("UNKNOWN", {})
            assert {gap["gap"] for gap in layer["gaps"]} == {"GONE"}
            assert layer["asked"]


def test_exposure_and_threats(snapshot: Snapshot, document: dict[str, Any]) -> None:
    known = [container for container in document["containers"] if container["exposure"] is not None]
    assert known
    assert len(known) == sum(state.matrix is not None for state in snapshot.containers)
    for container in known:
        typed(container, exposure=float, exposure_at_best=float, threats=dict)
        assert 0.0 <= container["exposure_at_best"] <= container["exposure"] <= 10.0
        assert container["threats"]
        for threat in container["threats"].values():
            typed(
                threat, outcome=str, severity=str, depth=list, by_ground=bool, linked=list, stances=dict, reasons=dict
            )
            assert threat["outcome"] in ("stopped", "open", "unknown")
            assert threat["severity"] in ("critical", "high", "medium", "low")
            least, most = threat["depth"]
            assert 0 <= least <= most <= len(LAYERS)
            assert set(threat["stances"]) <= LAYERS
            assert set(threat["stances"].values()) <= {"STOPS", "LETS_THROUGH", "UNKNOWN"}
            assert set(threat["reasons"]) - {"ground"} == set(threat["stances"])
            for reason in threat["reasons"].values():
                typed(reason, text=str, source=str)
                assert reason["text"]
                assert not reason["source"].startswith("@")
            for pair in threat["linked"]:
                assert len(pair) == 2
                assert set(pair) <= set(threat["stances"])
            if threat["by_ground"]:
                assert (threat["outcome"], least) == ("stopped", 0)
            if threat["outcome"] == "open":
                assert least == 0


def test_without_a_process_there_is_no_exposure(document: dict[str, Any]) -> None:
    resting = [container for container in document["containers"] if container["pid"] is None]
    assert resting
    for container in resting:
        assert (container["exposure"], container["exposure_at_best"], container["threats"]) == (None, None, {})


def test_evidence_names_each_container_s_own_process() -> None:
    """Alike containers share a matrix, and its text; the PID in it is each container's."""
    fleet = page_sample.fleet(9)
    found = json.loads(json_report.render(fleet))
    assert found == json.loads(json.dumps(json_report.document(fleet)))
    for container in found["containers"]:
        for threat in container["threats"].values():
            for layer, reason in threat["reasons"].items():
                if layer != "ground":
                    assert reason["source"] == f"/proc/{container['pid']}/status:{layer}"


def test_facts(document: dict[str, Any]) -> None:
    running = [container["layers"] for container in document["containers"] if container["pid"] is not None]
    assert running
    for layers in running:
        facts = {name: layer["facts"] for name, layer in layers.items()}
        for kind in KINDS:
            typed(facts["namespaces"][kind], inode=int, shared_with_host=FLAG)
        typed(facts["namespaces"], root_read_only=FLAG, masked_paths=NUMBER, read_only_paths=NUMBER)
        typed(facts["namespaces"], engine_sockets=list, host_paths=list)
        for path in facts["namespaces"]["host_paths"]:
            typed(path, source=str, target=str, writable=bool)
        typed(facts["cgroup"], version=str, path=str, memory_max=NUMBER, pids_max=NUMBER)
        typed(facts["cgroup"], cpu_cores=(int, float, type(None)))
        for name in SETS:
            assert re.fullmatch("0x[0-9a-f]{16}", facts["capabilities"][name])
        typed(facts["capabilities"], effective_names=list, no_new_privs=bool)
        assert all(name.startswith("CAP_") for name in facts["capabilities"]["effective_names"])
        typed(facts["seccomp"], mode=str, filters=NUMBER, profile=str, source=str)
        assert facts["seccomp"]["mode"] in ("disabled", "strict", "filter")
        assert facts["seccomp"]["profile"] in ("default", "custom", "unconfined", "unknown")
        assert facts["seccomp"]["source"] in ("kernel", "profile", "measured", "none")
        typed(facts["mac"], system=str, label=TEXT, mode=TEXT)
        assert facts["mac"]["system"] in ("apparmor", "selinux", "none")
        typed(facts["usermap"], uid_map=list, gid_map=list, root_is_host_uid=NUMBER, initial_namespace=bool)
        for part in (*facts["usermap"]["uid_map"], *facts["usermap"]["gid_map"]):
            assert [type(number) for number in part] == [int, int, int]


def test_text_and_json_agree(snapshot: Snapshot, document: dict[str, Any]) -> None:
    shown = text_report.render(snapshot, all_layers(), text_report.Style(details=True))
    words = " ".join(shown.split())
    for container in document["containers"]:
        assert container["name"] in words
        for finding in container["findings"]:
            assert " ".join(finding["text"].split()) in words


def test_trouble_with_this_machine_is_told_in_each_form(snapshot: Snapshot, document: dict[str, Any]) -> None:
    """The command that mends it stands alone on its line, however narrow the page, so that it can be copied."""
    assert document["trouble"] is None
    closed = replace(snapshot, trouble=Trouble(msg("It is closed."), f"open {'x' * 90}", "open"))
    told = json.loads(json_report.render(closed))["trouble"]
    assert told == {"message": "It is closed.", "command": f"open {'x' * 90}", "words": "open"}
    lines = text_report.render(closed, all_layers(), text_report.Style(width=60)).splitlines()
    assert f"  open {'x' * 90}" in lines
    assert "It is closed." in lines
    page = as_html.render(closed, all_layers())
    assert f"It is closed.<br><code>open {'x' * 90}</code>" in page
    other = replace(snapshot, trouble=Trouble(msg("No service."), words="its words"))
    assert "  its words" in text_report.render(other, all_layers(), text_report.Style()).splitlines()
