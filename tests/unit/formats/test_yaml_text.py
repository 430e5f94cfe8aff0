"""Foreign text in Compose files and Kubernetes manifests: text to the parsers that read them, Compose's own too."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.formats.everywhere import TEXTS, TRAPS, rotated
from stratascope.core.container import Asked, EngineKind
from stratascope.core.options.request import Endpoint, RunMount, RunOptions
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.value import replace
from unit.formats.everything import EVERYTHING

_LISTS = st.lists(TEXTS, min_size=12, max_size=16)


def _compose(text: str) -> Any:
    """As Compose reads it, with its variables filled in."""
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    command = ("docker", "compose", "-f", "-", "config", "--format", "json", "--no-path-resolution")
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode and "is not a docker command" in done.stderr:
        pytest.skip("docker compose is not installed")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.replace("$$", "$"))


def _service(texts: list[str]) -> RunOptions:
    """What Compose takes any text for."""
    extended = any(text.startswith("x-") for text in texts)  # in a list then, where no name has an equals sign
    keys = tuple(
        (text, text) for text in texts if text.strip("\n") and not (extended and "=" in text)
    )  # a key of line breaks alone is none to Compose
    return RunOptions(
        kind=EngineKind.DOCKER,
        name="x",
        image="i",
        before=Asked(),
        asked=Asked(),
        entrypoint=tuple(texts),
        command=tuple(reversed(texts)),
        environment=tuple((f"A{text}".replace("=", ""), text) for text in texts),
        labels=keys,
        annotations=keys,
    )


def _check_compose(texts: list[str]) -> None:
    options = _service(texts)
    text = export(ExportKind.COMPOSE, options, secrets=True)
    found = _compose(text)["services"]["x"]
    assert found["entrypoint"] == list(options.entrypoint or ())
    assert found["command"] == list(options.command)
    assert found["environment"] == dict(options.environment)
    assert found.get("labels", {}) == dict(options.labels)
    assert found.get("annotations", {}) == dict(options.annotations)
    assert yaml.safe_load(text)["services"]["x"]["labels" if options.labels else "image"] is not None


def test_compose_reads_every_text_as_it_is() -> None:
    _check_compose(list(TRAPS))


@settings(max_examples=15, deadline=None)
@given(_LISTS)
def test_compose_reads_any_text(texts: list[str]) -> None:
    _check_compose(texts)


@settings(max_examples=15, deadline=None)
@given(_LISTS)
def test_any_text_anywhere_is_text(texts: list[str]) -> None:
    """Also of fields that Compose or Kubernetes themselves would refuse: nothing becomes a key."""
    for each in rotated(EngineKind.PODMAN, texts)[:2]:
        options = replace(each, ports=(), seccomp="")
        pod = yaml.safe_load(export(ExportKind.KUBERNETES, options, secrets=True))
        assert list(pod) == ["apiVersion", "kind", "metadata", "spec"]
        (container,) = pod["spec"]["containers"]
        assert [word.replace("$$", "$") for word in container["command"]] == [
            word.replace("$$", "$") for word in options.entrypoint or ()
        ]
        service = yaml.safe_load(export(ExportKind.COMPOSE, options, secrets=True))["services"]
        assert len(service) == 1
        # Compose's own parser is Go's, which reads all of it below a key that it does not know
        assert _compose("services: {}\nx-any:\n" + "".join(
            f"  {line}\n" for line in export(ExportKind.KUBERNETES, options, secrets=True).split("\n")
        ).replace("$", "$$"))["x-any"] == pod  # fmt: skip


def test_compose_takes_no_name_for_an_extension() -> None:
    """It loses what begins with `x-` in a mapping, and has a label `#extensions` instead."""
    pairs = (("x-a", "b=c"), ("d", ""), ("x-$e", "$f"))
    options = RunOptions(
        kind=EngineKind.DOCKER, name="x-y", image="i", before=Asked(), asked=Asked(), labels=(*pairs, ("x-=", "lost")),
        environment=pairs, annotations=pairs, sysctls=pairs, networks=(Endpoint("x-net"),),
        mounts=(RunMount("volume", "x-vol", "/x"),),
    )  # fmt: skip
    text = export(ExportKind.COMPOSE, options, secrets=True)
    found = _compose(text)
    service = found["services"]["x-y"]
    for key in ("labels", "environment", "annotations", "sysctls"):
        assert service[key] == dict(pairs), key
    assert [found["networks"][key]["name"] for key in service["networks"]] == ["x-net"]
    assert found["volumes"][service["volumes"][0]["source"]]["name"] == "x-vol"
    assert "# Not included: The option --label x-==lost." in text
    withheld = _compose(export(ExportKind.COMPOSE, options))["services"]["x-y"]["environment"]
    assert withheld == {"x-a": None, "d": "", "x-$e": None}


@pytest.mark.parametrize("kind", [ExportKind.COMPOSE, ExportKind.KUBERNETES])
def test_bytes_that_are_no_text_are_refused(kind: ExportKind) -> None:
    with pytest.raises(ExportError) as caught:
        export(kind, replace(EVERYTHING, command=("\udcff",)))
    assert "can't express" in caught.value.message.id


@pytest.mark.parametrize("number", ["x", "²", "9" * 5000])
def test_text_where_a_number_belongs_is_refused(number: str) -> None:
    for kind in (ExportKind.KUBERNETES, ExportKind.COMPOSE):
        options = replace(rotated(EngineKind.DOCKER, [number])[0], shared=(("cpu-shares", number),))
        with pytest.raises(ExportError):
            export(kind, options)
