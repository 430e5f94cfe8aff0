"""The pure parts of Podman's relaunch: the command's options, and damaged answers."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.core.container import Asked, AskedDevice
from stratascope.core.options.values import device_of
from stratascope.engines.podman.recreate import launch_spec
from stratascope.engines.podman.recreate_network import mode
from stratascope.engines.podman.sources import Sources, known, mount_options, networks, options, secrets, without


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["podman", "run", "busybox", "-e", "A=1"], {}),
        (
            ["podman", "--remote", "--url", "x", "run", "-dit", "busybox"],
            dict.fromkeys(("detach", "interactive", "tty"), ("true",)),
        ),
        (["podman", "create", "-eA=1", "-e", "B=2", "--env=C=3", "i"], {"env": ("A=1", "B=2", "C=3")}),
        (
            ["podman", "container", "run", "-dp8080:80", "--read-only-tmpfs=false", "i"],
            {"detach": ("true",), "publish": ("8080:80",), "read-only-tmpfs": ("false",)},
        ),
        (["podman", "run", "--net", "host", "--", "i"], {"network": ("host",)}),
        (["podman", "run", "-e"], {"env": ("",)}),
    ],
)  # fmt: skip
def test_options(command: list[str], found: dict[str, tuple[str, ...]]) -> None:
    assert options(command) == found


def test_other_commands() -> None:
    assert options(["podman", "kube", "play"]) is None


def test_what_options_mean() -> None:
    found: dict[str, tuple[str, ...]] = {
        "network": ("one:ip=1.2.3.4,mac=02:00:00:00:00:01", "two"),
        "secret": ("a", "b,type=env,target=V"),
        "volume": ("/a:/b:ro,Z", "/c:/d"),
    }
    assert networks(found) == {"one": {"ip": "1.2.3.4", "mac": "02:00:00:00:00:01"}, "two": {}}
    assert networks({"ip": ("1.2.3.4",)}) == {"": {"ip": "1.2.3.4"}}
    assert secrets(found) == [("a", {}), ("b", {"type": "env", "target": "V"})]
    assert mount_options(found) == {"/b": ("ro", "Z")}


def test_modes() -> None:
    assert mode("private") == {"nsmode": "private"}
    assert mode("ns:/proc/1/ns/net") == {"nsmode": "path", "value": "/proc/1/ns/net"}
    assert mode("keep-id:uid=1") == {"nsmode": "keep-id", "value": "uid=1"}
    assert mode("nomap") == {"nsmode": "no-map"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "{", '{"Config": []}', '{"Mounts": {}}', '{"HostConfig": {"IDMappings": {"UidMap": ["x"]}}}'],
)
def test_damaged_answers(text: str) -> None:
    with pytest.raises(ValueError, match=r"[Ee]xpect|JSON|no id mapping"):
        launch_spec(Sources(text), "podman", Asked())


_FIELDS = st.sampled_from(
    [
        "Config",
        "HostConfig",
        "Mounts",
        "Env",
        "PortBindings",
        "80/tcp",
        "NetworkSettings",
        "Networks",
        "linux",
        "Devices",
        "resources",
        "devices",
        "mounts",
        "process",
        "IDMappings",
        "UidMap",
        "CreateCommand",
        "Ulimits",
        "Tmpfs",
        "Secrets",
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4),
    max_leaves=25,
)


@given(_VALUES, _VALUES, _VALUES)
@settings(max_examples=300, deadline=None)
def test_only_value_errors_come_out(inspect: Any, oci: Any, image: Any) -> None:
    sources = Sources(json.dumps(inspect), json.dumps(oci), None, json.dumps(image))
    with suppress(ValueError):
        json.loads(launch_spec(sources, "podman", Asked()).body)
    with suppress(ValueError):
        assert isinstance(known(sources).has_choices, bool)


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("podman run -d --device /dev/fuse --name x img --device /dev/fuse",
         "podman run -d --name x img --device /dev/fuse"),
        ("podman run -it --device=/dev/fuse:/dev/f:r -e --device img", "podman run -it -e --device img"),
        ("podman --url unix:/x create -e A=1 -p80:80 --device /dev/a --device /dev/fuse img sh -c x",
         "podman --url unix:/x create -e A=1 -p80:80 --device /dev/a img sh -c x"),
        ("podman start --device /dev/fuse", "podman start --device /dev/fuse"),
        ("podman run --device", "podman run --device"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_option_that_no_longer_holds_is_taken_out(command: str, left: str) -> None:
    assert without(command.split(), "device", lambda value: value.startswith("/dev/fuse")) == left.split()


def test_a_rootless_engines_devices_and_masks_are_in_its_command_alone() -> None:
    assert device_of("/dev/fuse") == AskedDevice("/dev/fuse", "/dev/fuse", "rwm")
    assert device_of("/dev/fuse:r") == AskedDevice("/dev/fuse", "/dev/fuse", "r")
    assert device_of("/dev/fuse:/dev/f:rw") == AskedDevice("/dev/fuse", "/dev/f", "rw")
