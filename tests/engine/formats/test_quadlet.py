"""Quadlet drop-ins, read by Quadlet itself: which command systemd would run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.formats.exported import exported, hardened
from stratascope.core.container import Asked, AskedDevice, AskedLimit, EngineKind, ProfileKind
from stratascope.core.options.request import RunMount, RunOptions
from stratascope.formats.export import ExportKind, export
from stratascope.value import replace

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test

_QUADLET = "/usr/libexec/podman/quadlet"
_UNIT = """[Container]
Image=localhost/busybox
AddCapability=NET_ADMIN SYS_PTRACE
DropCapability=MKNOD
PublishPort=18076:80
Volume=/etc:/host
SeccompProfile=unconfined
Unmask=ALL
PodmanArgs=--privileged --pid host
"""


def _command(folder: Path, drop_in: str, unit: str = _UNIT) -> list[str]:
    """The ExecStart= words of the unit with the drop-in, by Quadlet's dry run."""
    if shutil.which(_QUADLET) is None:
        pytest.skip("Quadlet is not installed")
    (folder / "web.container.d").mkdir()
    (folder / "web.container").write_text(unit)
    (folder / "web.container.d/50-stratascope.conf").write_text(drop_in)
    done = subprocess.run(
        (_QUADLET, "-dryrun", "-no-kmsg-log"),
        env={"QUADLET_UNIT_DIRS": str(folder), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{drop_in}"
    assert "nsupported key" not in done.stderr
    started = [line for line in done.stdout.splitlines() if line.startswith("ExecStart=")]
    assert len(started) == 1, done.stdout
    return started[0].split()


def _loose(asked: Asked = Asked()) -> RunOptions:  # noqa: B008
    before = replace(
        asked,
        privileged=True,
        pid_mode="host",
        seccomp=ProfileKind.UNCONFINED,
        cap_add=("CAP_NET_ADMIN",),
        cap_drop=("CAP_MKNOD",),
        masked_paths=(),
    )
    return RunOptions(kind=EngineKind.PODMAN, name="web", image="busybox", before=before, asked=before)


def test_a_hardened_container(podman_rootful: Rig, tmp_path: Path) -> None:
    args = ("-p", "18076:80", "--privileged", "--pid", "host", "-v", "/etc:/host")
    with podman_rootful.container(*args) as container, exported(podman_rootful, container, hardened) as options:
        text = export(ExportKind.QUADLET, options)
    words = _command(tmp_path, text)
    assert "NET_ADMIN" not in " ".join(words).upper().replace("CAP_", "")
    assert "18076:80" not in words
    assert "127.0.0.1:18076:80/tcp" in words
    assert [word for word in words if word.startswith("--privileged")][-1] == "--privileged=false"
    assert "--security-opt=no-new-privileges" in words
    assert "--read-only" in words
    assert "--memory=67108864" in words
    assert "CAP_CHOWN" in " ".join(words).upper()
    assert words.index("host") < words.index("--pid=private")
    assert not [word for word in words if "unmask" in word or "seccomp=unconfined" in word]
    assert "/scratch" in " ".join(words)


def test_what_is_unchanged_is_left_to_the_unit(tmp_path: Path) -> None:
    text = export(ExportKind.QUADLET, replace(_loose(), before=Asked(), asked=Asked()))
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["[Container]"]
    assert "18076:80" in _command(tmp_path, text)


@pytest.mark.parametrize("odd", ["/a b", "/a%n", '/a"b', "/a$b", "/a'b", "/a\\b"])
def test_odd_paths_come_through(odd: str, tmp_path: Path) -> None:
    before = Asked()
    asked = replace(
        before, devices=(AskedDevice(odd, odd, "r"),), limits=(AskedLimit("core", 0, 0),), cgroup_parent="x"
    )
    options = RunOptions(
        kind=EngineKind.PODMAN,
        name="web",
        image="busybox",
        before=before,
        asked=asked,
        devices=asked.devices,
        mounts=(RunMount("bind", odd, "/x", True),),
    )
    words = _command(tmp_path, export(ExportKind.QUADLET, options))
    assert "--ulimit" in words
    # As systemd reads the line: specifiers and variables are doubled, or the words would be others
    assert any("/a" in word for word in words)


def test_a_name_of_the_device_interface_stands_alone(tmp_path: Path) -> None:
    device = AskedDevice("nvidia.com/gpu=all", "nvidia.com/gpu=all", "rwm")
    text = export(ExportKind.QUADLET, replace(_loose(), asked=Asked(devices=(device,)), devices=(device,)))
    words = _command(tmp_path, text)
    assert "--device=nvidia.com/gpu=all" in words or words[words.index("--device") + 1] == "nvidia.com/gpu=all"


def test_profiles_are_named_below_the_configuration(tmp_path: Path) -> None:
    asked = Asked(seccomp=ProfileKind.CUSTOM, seccomp_profile="{}")
    options = replace(_loose(), asked=asked, seccomp="{}")
    text = export(ExportKind.QUADLET, options)
    assert "%E/containers/web-seccomp.json" in text
    assert any(word.endswith("seccomp=%E/containers/web-seccomp.json") for word in _command(tmp_path, text))
