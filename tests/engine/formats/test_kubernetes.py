"""Pods, as Podman's `kube play` starts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.engine import Rig
from rig.formats.everywhere import TRAPS
from rig.formats.exported import exported, hardened
from stratascope.core.container import Asked, EngineKind
from stratascope.core.options.request import HealthTest, RunOptions
from stratascope.formats.export import ExportKind, export
from stratascope.formats.kubernetes.write import dns_name

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

_LITERAL = "$HOME `id` 'x' \"y\" : #\nno"


@pytest.fixture
def played(podman_rootful: Rig, tmp_path: Path) -> Any:
    """Starts a pod of that text; the OCI config of its container."""
    pods: list[str] = []

    def play(text: str) -> dict[str, Any]:
        path = tmp_path / "pod.yaml"
        path.write_text(text)
        name = text.partition("  name: ")[2].partition("\n")[0]
        pods.append(name)
        podman_rootful.run("kube", "play", str(path))
        return podman_rootful.config(f"{name}-{name}")

    yield play
    for name in pods:
        podman_rootful.run("pod", "rm", "-f", "-t", "0", name, check=False)


def test_a_hardened_container(podman_rootful: Rig, played: Any, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    tmp_path.chmod(0o755)
    args = ("-p", "18075:80", "--privileged", "-v", f"{folder}:/shared:ro", "-v", "kept:/kept", "-e", f"A={_LITERAL}")
    with podman_rootful.container(*args, name="Web_1") as container:
        with exported(podman_rootful, container, hardened) as options:
            text = export(ExportKind.KUBERNETES, options, secrets=True)
        podman_rootful.run("stop", "-t", "0", container)
        config = played(text)
    process = config["process"]
    assert process["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert process["noNewPrivileges"]
    assert (process["user"]["uid"], process["user"]["gid"]) == (1000, 1000)
    assert config["root"]["readonly"]
    assert "seccomp" in config["linux"]
    assert config["linux"]["resources"]["memory"]["limit"] == 64 << 20
    assert process["args"] == ["sleep", "3600"]
    assert f"A={_LITERAL}" in process["env"]
    mounts = {mount["destination"]: mount for mount in config["mounts"]}
    assert "ro" in mounts["/shared"]["options"]
    assert {"/kept", "/scratch"} <= set(mounts)


def test_docker_containers_too(docker_rootful: Rig, played: Any) -> None:
    args = ("--cap-drop", "ALL", "--user", "1000", "--security-opt", "no-new-privileges", "--read-only")
    with docker_rootful.container(*args) as container, exported(docker_rootful, container) as options:
        text = export(ExportKind.KUBERNETES, options, secrets=True)
    config = played(text)
    assert not config["process"]["capabilities"].get("bounding")
    assert config["process"]["noNewPrivileges"]
    assert config["root"]["readonly"]
    assert config["process"]["args"] == ["sleep", "3600"]


def test_secrets_are_taken_from_a_secret(podman_rootful: Rig) -> None:
    with podman_rootful.container("-e", "TOKEN=hush") as container, exported(podman_rootful, container) as options:
        text = export(ExportKind.KUBERNETES, options)
    assert "hush" not in text
    assert "secretKeyRef:" in text
    assert "key: TOKEN" in text


def test_what_kubernetes_can_not_say_is_named() -> None:
    options = RunOptions(
        kind=EngineKind.DOCKER, name="x", image="i", before=Asked(), asked=Asked(user="app", pids=5), network="none"
    )
    text = export(ExportKind.KUBERNETES, options)
    assert "--pids-limit 5" in text
    assert "the user app" in text.lower()
    assert "--network none" in text


def test_hosts_are_addresses(podman_rootful: Rig, played: Any) -> None:
    words = ("one;two:10.1.2.3", "gate:host-gateway", "six:fd00::6")
    args = tuple(word for host in words for word in ("--add-host", host))
    with podman_rootful.container(*args, name="hosts") as container:
        with exported(podman_rootful, container) as options:
            text = export(ExportKind.KUBERNETES, options)
        podman_rootful.run("stop", "-t", "0", container)
        played(text)
    assert yaml.safe_load(text)["spec"]["hostAliases"] == [
        {"ip": "10.1.2.3", "hostnames": ["one"]},
        {"ip": "10.1.2.3", "hostnames": ["two"]},
        {"ip": "fd00::6", "hostnames": ["six"]},
    ]
    assert "--add-host gate:host-gateway" in text


def test_a_health_check_keeps_its_times() -> None:
    options = RunOptions(
        kind=EngineKind.DOCKER, name="x", image="i", before=Asked(), asked=Asked(), health=HealthTest(("CMD", "true"))
    )
    probe = yaml.safe_load(export(ExportKind.KUBERNETES, options))["spec"]["containers"][0]["livenessProbe"]
    assert (probe["periodSeconds"], probe["timeoutSeconds"]) == (30, 30)
    assert probe["exec"]["command"] == ["true"]


@pytest.mark.parametrize("word", ["$(A)", "$$", "$A", "a$$(A)", "é: 'x'", "", "yes", "1e3", "\t"])
def test_words_of_a_command_stay_as_they_are(played: Any, word: str) -> None:
    options = RunOptions(
        kind=EngineKind.PODMAN,
        name="words",
        image="localhost/busybox:latest",
        before=Asked(),
        asked=Asked(),
        entrypoint=("sh", "-c", "sleep 3600; :"),
        command=(word,),
        environment=(("A", "filled in"),),
    )
    assert played(export(ExportKind.KUBERNETES, options, secrets=True))["process"]["args"][3:] == [word]


def test_podman_reads_every_text_as_it_is(played: Any) -> None:
    # Podman itself loses a text that is a line break and nothing else; Compose reads it (test_yaml_text.py)
    texts = tuple(text for text in TRAPS if text != "\n")
    options = RunOptions(
        kind=EngineKind.PODMAN,
        name="traps",
        image="localhost/busybox:latest",
        before=Asked(),
        asked=Asked(),
        entrypoint=("sh", "-c", "sleep 3600; :"),
        command=texts,
        environment=tuple((f"A{number}", text) for number, text in enumerate(texts) if text and "$" not in text),
    )
    process = played(export(ExportKind.KUBERNETES, options, secrets=True))["process"]
    assert process["args"][3:] == list(texts)
    assert {f"{name}={value}" for name, value in options.environment} <= set(process["env"])


@pytest.mark.parametrize(("text", "escaped"), [("$(A)", "$$(A)"), ("a$$b", "a$$$$b"), ("$A", "$A")])
def test_variables_are_not_filled_in(text: str, escaped: str) -> None:
    options = RunOptions(
        kind=EngineKind.PODMAN, name="x", image="i", before=Asked(), asked=Asked(), environment=(("A", text),)
    )
    assert f'value: "{escaped}"' in export(ExportKind.KUBERNETES, options, secrets=True)


@pytest.mark.parametrize(("name", "label"), [("Web_1", "web-1"), ("--", "container"), ("a" * 80, "a" * 63)])
def test_names_become_labels(name: str, label: str) -> None:
    assert dns_name(name) == label
