"""Podman's inspect JSON, as recorded from real engines (rootful and rootless 5.4), into containers."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.core.container import AskedDevice, AskedMount, Container, Engine, EngineKind, ProfileKind, Status
from stratascope.core.ports import RawContainer
from stratascope.engines.podman.inspect import redact, translate
from stratascope.linux.capability import NAMES

CAPTURES = CAPTURES / "inspect"
ENGINE = Engine("podman", EngineKind.PODMAN, "unix:///run/podman/podman.sock")


def container(text: str) -> Container:
    return translate(RawContainer("podman", "id", text), ENGINE)


def recorded(name: str) -> Container:
    return container((CAPTURES / f"{name}.json").read_text())


def made(host: dict[str, Any] | None = None, **top: Any) -> Container:
    return container(json.dumps({"HostConfig": host or {}, **top}))


@pytest.mark.parametrize("engine", ["podman_rootful", "podman_rootless"])
def test_a_default_container(engine: str) -> None:
    found = recorded(f"{engine}-default")
    assert found.name == "cc-default"
    assert found.image == "localhost/busybox:latest"
    assert found.status is Status.RUNNING
    assert found.command == "sleep 3600"
    assert found.runtime == ("crun" if engine == "podman_rootful" else "runc")
    assert found.pod == ""
    asked = found.asked
    assert len(asked.capabilities or ()) == 11
    assert (asked.pid_mode, asked.ipc_mode, asked.uts_mode) == ("private", "shareable", "private")
    assert asked.seccomp is ProfileKind.DEFAULT
    assert asked.apparmor is ProfileKind.UNKNOWN
    assert asked.masked_paths is None
    assert asked.pids == (2048 if engine == "podman_rootful" else None)


def test_privileged() -> None:
    asked = recorded("podman_rootful-privileged").asked
    assert asked.privileged
    # Recorded where root itself had no CAP_SYS_RESOURCE
    assert set(NAMES) - set(asked.capabilities or ()) == {"CAP_SYS_RESOURCE"}
    assert (asked.seccomp, asked.apparmor) == (ProfileKind.UNCONFINED, ProfileKind.UNCONFINED)
    assert (asked.masked_paths, asked.read_only_paths) == ((), ())


def test_devices_of_a_privileged_container_are_those_of_its_command() -> None:
    command = ["podman", "run", "--privileged", "--device", "/dev/net/tun", "busybox"]
    asked = made({"Privileged": True, "Devices": []}, Config={"CreateCommand": command}).asked
    assert asked.devices == (AskedDevice("/dev/net/tun", "/dev/net/tun", "rwm"),)


def test_a_device_is_the_one_that_was_typed() -> None:
    """Inspect looks it up by its number alone."""
    shown = {"PathOnHost": "/dev/vcs", "PathInContainer": "/dev/loop0", "CgroupPermissions": ""}
    command = ["podman", "run", "--device", "/dev/loop0:r", "busybox"]
    asked = made({"Devices": [shown]}, Config={"CreateCommand": command}).asked
    assert asked.devices == (AskedDevice("/dev/loop0", "/dev/loop0", "r"),)
    assert made({"Devices": [shown]}).asked.devices == (AskedDevice("/dev/vcs", "/dev/loop0", "rwm"),)


def test_a_hardened_container() -> None:
    for engine in ("podman_rootful", "podman_rootless"):
        asked = recorded(f"{engine}-hard").asked
        assert asked.user == "1000"
        assert asked.capabilities == ("CAP_NET_BIND_SERVICE",)
        assert asked.cap_add == ("CAP_NET_BIND_SERVICE",), "of the default, which CapAdd does not show"
        assert asked.no_new_privileges
        assert asked.read_only_root
        assert AskedMount("tmpfs", "", "/scratch", True) in asked.mounts


def test_host_namespaces_and_limits() -> None:
    asked = recorded("podman_rootful-host").asked
    assert (asked.pid_mode, asked.network_mode, asked.uts_mode) == ("host", "host", "host")
    asked = recorded("podman_rootful-limits").asked
    assert (asked.memory, asked.memory_swap, asked.pids, asked.cpu_cores) == (64 << 20, 128 << 20, 50, 0.5)


def test_security_options() -> None:
    asked = recorded("podman_rootful-secopt").asked
    assert asked.no_new_privileges
    assert (asked.seccomp, asked.seccomp_profile) == (ProfileKind.CUSTOM, "/srv/prof.json")
    asked = recorded("podman_rootful-unconf").asked
    assert asked.seccomp is ProfileKind.UNCONFINED
    assert asked.selinux_options == ("type:spc_t",)
    assert "CAP_CHOWN" not in (asked.capabilities or ())
    asked = recorded("podman_rootful-unmask").asked
    assert (asked.masked_paths, asked.read_only_paths) == ((), ())


def test_user_namespaces() -> None:
    for engine in ("podman_rootful", "podman_rootless"):
        asked = recorded(f"{engine}-uidmap").asked
        assert asked.userns_mode == "private"
        assert asked.uid_map == ((0, 0, 1000),)
    kept = made({"UsernsMode": "private", "Annotations": {"io.podman.annotations.userns": "keep-id"}})
    assert kept.asked.userns_mode == "keep-id"


@pytest.mark.parametrize(
    ("top", "kind", "text"),
    [
        ({"AppArmorProfile": "containers-default-0.62.2"}, ProfileKind.DEFAULT, ""),
        ({"AppArmorProfile": "unconfined"}, ProfileKind.UNCONFINED, ""),
        ({"AppArmorProfile": "mine"}, ProfileKind.CUSTOM, "mine"),
        ({"AppArmorProfile": ""}, ProfileKind.UNKNOWN, ""),
    ],
)
def test_apparmor(top: dict[str, Any], kind: ProfileKind, text: str) -> None:
    asked = made(**top).asked
    assert (asked.apparmor, asked.apparmor_profile) == (kind, text)


@pytest.mark.parametrize(
    ("command", "rules"),
    [
        (["podman", "run", "--device-cgroup-rule", "b 8:* r", "--device-cgroup-rule=c 1:1 r", "image"],
         ("b 8:* r", "c 1:1 r")),
        (["podman", "run", "image", "--device-cgroup-rule", "b 8:* r"], ()),
        (None, None),  # made by the API: nothing tells
    ],
)  # fmt: skip
def test_rules_for_devices_stand_in_the_command_only(command: list[str] | None, rules: tuple[str, ...] | None) -> None:
    assert made(Config={"CreateCommand": command}).asked.device_rules == rules


def test_an_empty_bounding_set_is_not_an_unknown_one() -> None:
    assert made(BoundingCaps=None).asked.capabilities == ()
    assert made().asked.capabilities is None


@pytest.mark.parametrize("mapping", ["0:1", "a:b:c", "0:1:-5", "0:1:2:3", "", "0:1:" + "9" * 30])
def test_bad_id_mappings(mapping: str) -> None:
    with pytest.raises(ValueError, match="no id mapping"):
        made({"IDMappings": {"UidMap": [mapping]}})


@pytest.mark.parametrize(
    "words",
    [
        ["-e", "KEY=hunter2"],
        ["--env", "KEY=hunter2"],
        ["--env=KEY=hunter2"],
        ["-eKEY=hunter2"],
        ["-de", "KEY=hunter2"],
        ["-deKEY=hunter2"],
        ["-e=KEY=hunter2"],
        ["sh", "-c", "export KEY=hunter2; exec sleep"],
    ],
)
def test_secrets_leave_the_command_that_made_it(words: list[str]) -> None:
    before = {"Config": {"Env": ["KEY=hunter2"], "CreateCommand": ["podman", "run", *words, "image", "sleep"]}}
    text = redact(json.dumps(before))
    assert "hunter2" not in text
    command = json.loads(text)["Config"]["CreateCommand"]
    assert command[:2] == ["podman", "run"]
    assert command[-2:] == ["image", "sleep"]
    assert any("KEY=" in word for word in command)


def test_redacting_leaves_the_rest_alone() -> None:
    for path in CAPTURES.glob("podman*.json"):
        text = path.read_text().strip()
        assert redact(text) == text


@given(
    st.dictionaries(
        st.sampled_from(["Env", "CreateCommand", "Annotations"]),
        st.none() | st.lists(st.none() | st.text() | st.integers()) | st.dictionaries(st.text(), st.text()),
    )
)
def test_only_value_errors_come_out(config: dict[str, Any]) -> None:
    text = json.dumps({"Config": config})
    assert redact(text)
    with contextlib.suppress(ValueError):
        assert container(text).engine == "podman"


def test_one_that_was_restored_from_a_checkpoint() -> None:
    """As Podman 5.4 says it of `podman run --cap-drop ALL CHECKPOINT_IMAGE`: the options did not count."""
    state = {"Status": "running", "Running": True, "Pid": 7, "RestoredAt": "2026-11-28T06:52:41.69Z", "Restored": True}
    assert made({"CapDrop": []}, State=state).restored
    assert not made(State={"Status": "running", "Running": True, "Pid": 7}).restored


def test_when_its_last_run_ended() -> None:
    ended = {"Status": "exited", "ExitCode": 137, "FinishedAt": "1970-01-01T00:01:40.5Z"}
    found = made(State=ended)
    assert (found.exit_code, found.ended) == (137, 100.5)
    assert made(State=ended | {"Status": "running", "Pid": 7}).ended == 0.0
