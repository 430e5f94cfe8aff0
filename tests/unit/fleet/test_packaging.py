"""packaging/fleet: what it asks for is there in real output, and each file is one of its consumer's.

Prometheus' own promtool and ansible-lint judge theirs where they are installed (`make test-all` installs them).
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from rig.cli.command_line import environ, run
from rig.places import CHECKOUT, GOLDEN
from stratascope.cli.arguments import parser
from stratascope.core.accepted import read_toml
from stratascope.presentation import tool_formats
from stratascope.presentation.report_model import report_of
from stratascope.state import capture_file
from stratascope.wiring.engines import assembler
from unit.fleet import servers

FLEET = CHECKOUT / "packaging" / "fleet"
UNIT = FLEET / "systemd" / "stratascope-report.service"
TIMER = FLEET / "systemd" / "stratascope-report.timer"
RULES = FLEET / "prometheus" / "rules.yml"
DASHBOARD = FLEET / "grafana" / "stratascope.json"
MANIFEST = FLEET / "kubernetes" / "daemonset.yaml"
ROLE = FLEET / "ansible" / "roles" / "stratascope"
PIPELINE = FLEET / "pipeline"
OURS = re.compile(r"(?:^|[\s:;&|\"'(])(?:/usr/bin/)?stratascope ((?:report|check|engines)\b[^;&|>`']*)")
NAME = re.compile(r"\bstratascope_[a-z_]+\b")
# What systemd makes a seccomp filter of (systemd.exec(5)): a process that has one may read nobody else's
FILTERS = (
    *("SystemCall", "RestrictNamespaces", "RestrictAddressFamilies", "RestrictRealtime", "RestrictSUIDSGID"),
    *("LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectHostname", "ProtectClock"),
    *("ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs"),
)


@cache
def metrics() -> dict[str, set[str]]:
    """Each metric of a real report of a machine, with its labels."""
    snapshot = assembler().snapshot(capture_file.load(GOLDEN / "capture.json"), demo=True)
    families = text_string_to_metric_families(tool_formats.prometheus(report_of(snapshot, "0.1.0")))
    return {each.name: {name for sample in each.samples for name in sample.labels} for each in families}


def expressions() -> list[str]:
    """All of the rules and of the dashboard, with its variables put in."""
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return rules + [target["expr"].replace("$instance", ".*") for panel in panels for target in panel["targets"]]


def test_every_metric_that_is_asked_for_is_there() -> None:
    asked = {name for text in expressions() for name in NAME.findall(text)}
    assert len(asked) > 8
    assert asked <= set(metrics())
    labels = {name for text in expressions() for name in re.findall(r"by \(([a-z, ]+)\)", text)}
    known = {"instance", "job"}.union(*metrics().values())
    assert {name.strip() for each in labels for name in each.split(",")} <= known


def test_the_text_of_alerts_names_labels_that_are_there() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            labels = set(re.findall(r"\$labels\.([a-z]+)", json.dumps(rule["annotations"])))
            (name, *_) = NAME.findall(rule["expr"])
            assert labels <= {"instance"} | metrics()[name], rule["alert"]


def test_the_dashboard_is_one() -> None:
    found = json.loads(DASHBOARD.read_text())
    panels = found["panels"]
    assert found["schemaVersion"] >= 36
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    variables = {each["name"] for each in found["templating"]["list"]}
    assert set(re.findall(r"\$\{?([a-z]+)", DASHBOARD.read_text())) - {"__all"} <= variables


def tool(name: str, *words: str, folder: Path = FLEET) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    done = subprocess.run((found, *words), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_promtool_takes_the_rules_and_their_tests() -> None:
    tool("promtool", "check", "rules", str(RULES))
    tool("promtool", "test", "rules", "rules.test.yml", folder=RULES.parent)


@pytest.mark.slow
def test_promtool_takes_every_expression(tmp_path: Path) -> None:
    file = tmp_path / "expressions.yml"
    rules = [{"record": f"made:{place}", "expr": text} for place, text in enumerate(expressions())]
    file.write_text(json.dumps({"groups": [{"name": "made", "rules": rules}]}))
    tool("promtool", "check", "rules", str(file))


@pytest.mark.slow
def test_promtool_takes_the_metrics() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool")
    snapshot = assembler().snapshot(capture_file.load(CHECKOUT / "resources" / "demo" / "demo.json"), demo=True)
    text = tool_formats.prometheus(report_of(snapshot, "0.1.0"))
    done = subprocess.run((promtool, "check", "metrics"), input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_real_servers_answer_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """node_exporter serves the report's file, Prometheus asks it, and the panels have something to show."""
    exporter, server = shutil.which("prometheus-node-exporter"), shutil.which("prometheus")
    if exporter is None or server is None:
        pytest.skip("needs prometheus and prometheus-node-exporter")
    demo = capture_file.load(CHECKOUT / "resources" / "demo" / "demo.json")
    (tmp_path / "stratascope.prom").write_text(
        tool_formats.prometheus(report_of(assembler().snapshot(demo, demo=True), "0.1.0"))
    )
    with servers.exporter(exporter, tmp_path) as target:
        served = {each.name: each for each in text_string_to_metric_families(servers.get(f"http://{target}/metrics"))}
        assert set(metrics()) <= set(served)
        assert [each.value for each in served["node_textfile_scrape_error"].samples] == [0]
        with servers.prometheus(server, tmp_path, target) as host:
            while not servers.query(host, "stratascope_containers_left_out"):  # its last one
                time.sleep(0.1)
            panels = json.loads(DASHBOARD.read_text())["panels"]
            found = {target["expr"]: servers.query(host, target["expr"].replace("$instance", ".*"))
                     for panel in panels for target in panel["targets"]}  # fmt: skip
    empty = {text for text, result in found.items() if not result}
    assert all("exposure_verified" in text for text in empty), empty  # nothing of the demo stands on an engine's word


def settings(file: Path) -> list[tuple[str, str]]:
    lines = (line.partition("=") for line in file.read_text().splitlines() if line and line[0] not in "#[")
    return [(name, value) for name, _, value in lines]


def commands_of(text: str) -> Iterator[list[str]]:
    """Every command of ours in a file of another tool; names of files and variables stand for themselves."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        for found in re.findall(
            r"(?:^|[\s:;&|\"'(])(?:/usr/bin/)?stratascope ((?:report|check|engines)\b[^;&|>`']*)", line
        ):
            yield shlex.split(found)


def files_with_commands() -> list[Path]:
    return [path for path in sorted(FLEET.rglob("*")) if path.is_file() and any(commands_of(path.read_text()))]


@pytest.mark.parametrize("file", files_with_commands(), ids=lambda each: each.name)
def test_every_command_is_one_of_ours(file: Path) -> None:
    for words in commands_of(file.read_text()):
        parser().parse_args([re.sub(r"\{\{.*?\}\}|\$\w+", "x", word) for word in words])


def test_the_unit_sets_up_no_filter() -> None:
    names = [name for name, _ in settings(UNIT)]
    assert not [name for name in names if name.startswith(FILTERS)]
    assert {"CapabilityBoundingSet", "NoNewPrivileges", "ProtectSystem"} <= set(names)


@pytest.mark.parametrize("unit", [UNIT, TIMER], ids=lambda each: each.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    for each in (UNIT, TIMER):
        (tmp_path / each.name).write_text(each.read_text().replace("/usr/bin/stratascope", "/bin/true"))
    done = subprocess.run(("systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)), capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def container() -> dict[str, Any]:
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    (found,) = [each for each in documents if each["kind"] == "DaemonSet"]
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def test_the_manifest_has_the_rights_of_the_unit_and_no_more() -> None:
    spec = container()
    (only,) = spec["containers"]
    unit = dict(settings(UNIT))["CapabilityBoundingSet"].split()
    security = only["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"], "add": [name.removeprefix("CAP_") for name in unit]}
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert spec["automountServiceAccountToken"] is False
    assert {"hostNetwork", "hostIPC"}.isdisjoint(spec)
    mounted = {each["name"] for each in only["volumeMounts"]}
    assert mounted == {each["name"] for each in spec["volumes"]}


def test_the_role_changes_what_the_unit_has() -> None:
    """Its templates replace words of the units; a word that is gone would leave them as they are."""
    for unit, template in ((UNIT, "stratascope-report.service.j2"), (TIMER, "stratascope-report.timer.j2")):
        text = (ROLE / "templates" / template).read_text()
        replaced = re.findall(r"replace\('([^']+)'", text)
        assert replaced
        assert all(word in unit.read_text() for word in replaced), replaced


@pytest.mark.slow
def test_ansible_lint_has_nothing_to_say() -> None:
    tool("ansible-lint", "--offline", "--profile", "production", "site.yml", "roles", folder=FLEET / "ansible")


def test_yaml_of_the_pipelines() -> None:
    files = sorted(PIPELINE.glob("*.y*ml"))
    assert len(files) == 3
    for file in files:
        assert yaml.safe_load(file.read_text()), file.name


def test_the_example_of_exceptions_is_read() -> None:
    found = read_toml((PIPELINE / "accepted.toml").read_text(), "accepted.toml")
    assert [each.finding for each in found]


def test_how_exposed_the_daemon_set_is_itself() -> None:
    """As the guide says, and no less."""
    with_it = run("check", "--json", "--ground", str(CHECKOUT / "resources" / "demo" / "demo.json"), str(MANIFEST))
    (only,) = json.loads(with_it.stdout)["containers"]
    assert only["exposure"] >= 9.0
    assert "namespaces.engine-socket" in {each["code"] for each in only["findings"]}


@pytest.mark.parametrize("words", ["report --format sarif --from-capture {}", "check --ground {} -- docker run nginx"])
def test_a_pipeline_needs_no_window(words: str) -> None:
    """What its packages are left out for: Qt, charts, the desktop's bus."""
    missing = "import sys; sys.modules.update(dict.fromkeys(('PySide6', 'pyqtgraph', 'numpy', 'jeepney')));"
    program = f"{missing} from stratascope.__main__ import main; sys.exit(main())"
    demo = str(CHECKOUT / "resources" / "demo" / "demo.json")
    done = subprocess.run((sys.executable, "-c", program, *words.format(demo).split()), env=environ(),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout
