"""Foreign text in Quadlet drop-ins, read by Podman's own generator and by systemd: words, never keys or sections."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.formats.everywhere import SECTION, TEXTS, TRAPS, rotated
from stratascope.core.container import AskedPort, EngineKind
from stratascope.core.options.request import RunMount, RunOptions
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.value import replace
from unit.formats.quadlet_read import Service, read

Options = list[tuple[str, str]]
_EVER = frozenset(("--name", "--cidfile", "--replace", "--rm", "--cgroups", "--sdnotify", "-d", "localhost/busybox"))
_UNWRITABLE = ("\0", "\x80", "\ud800", "\udcff", "\ufffe", "\ufdd0", "\U0010ffff")
_WORDS = ("disable", "type", "level", "nested", "docker-default", "containers-default-0.62", "docker-default-of-mine")
_SECTIONS = {"[Unit]", "[Service]"}
_KEYS = {"Wants", "After", "SourcePath", "RequiresMountsFor", "Environment", "KillMode", "ExecStop", "ExecStopPost",
         "Delegate", "Type", "NotifyAccess", "SyslogIdentifier", "ExecStart"}  # fmt: skip


def meant(options: RunOptions) -> Options:
    """What the drop-in of that container is to say, whatever the letters are."""
    found: Options = [
        *((("--user", options.asked.user),) if options.asked.user else ()),
        ("--privileged", "false"),
        *(("--cap-drop", name) for name in options.asked.cap_drop),
        *(("--cap-add", name) for name in options.asked.cap_add),
        *((f"--{name}", mode) for name, mode in (
            ("pid", options.asked.pid_mode), ("ipc", options.asked.ipc_mode), ("uts", options.asked.uts_mode),
            ("cgroupns", options.asked.cgroupns_mode),
        ) if mode not in ("", "private")),
        ("--network", options.network or "bridge"),
        ("--userns", options.userns or "host"),
        *(("--publish", _port(port)) for port in options.ports),
        *(("--ulimit", f"{limit.name}={limit.soft}:{limit.hard}") for limit in options.asked.limits),
        *(("--device", d.source if "=" in d.source else f"{d.source}:{d.target}:{d.permissions}")
          for d in options.devices),
    ]  # fmt: skip
    if options.seccomp not in ("", "builtin"):
        found.append(("--security-opt", f"seccomp={options.seccomp}"))
    else:
        found.append(("--security-opt", "seccomp="))
    if options.apparmor not in ("", "docker-default", "containers-default-0.62"):
        found.append(("--security-opt", f"apparmor={options.apparmor}"))
    for label in options.asked.selinux_options:
        name, _, value = label.partition(":")
        if label == "disable" or (value and name in ("type", "level", "filetype")):
            found.append(("--security-opt", f"label={label}"))
    found += [("--security-opt", f"mask={':'.join(options.mask)}")] if options.mask else []
    found += [("--security-opt", f"unmask={':'.join(options.unmask)}")] if options.unmask else []
    return found + [_mount(mount) for mount in options.mounts]


def _port(port: AskedPort) -> str:
    address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    if address:
        return f"{address}:{port.host_port}:{port.container_port}"
    return f"{port.host_port}:{port.container_port}" if port.host_port else port.container_port


def _mount(mount: RunMount) -> tuple[str, str]:
    words = ",".join((*(("ro",) if mount.read_only else ()), *mount.words))
    if mount.kind == "tmpfs":
        return "--tmpfs", f"{mount.target}:{words}".rstrip(":")
    if not mount.long and ":" not in mount.source + mount.target:
        return "--volume", ":".join(part for part in (mount.source, f"{mount.target}:{words}".rstrip(":")) if part)
    fields = [f"type={mount.kind}", *((f"src={mount.source}",) if mount.source else ()), f"dst={mount.target}"]
    fields += [*(("ro",) if mount.read_only else ()), *mount.words]
    fields += [f"{name}={value}" if value else name for name, value in mount.long]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return "--mount", line.getvalue()


def differs(service: Service, options: RunOptions) -> str:
    """What the service has of it that was not meant; "" where nothing."""
    said = Counter(_lower(each) for each in service.options if each[0] not in _EVER)
    wanted = Counter(map(_lower, meant(options)))
    # Where a text went another way the key of before is emptied, which Podman has an empty option for
    empty = ("--security-opt", "seccomp=")
    said.pop(empty, None), wanted.pop(empty, None)
    if said != wanted:
        return f"too much: {said - wanted}\nmissing: {wanted - said}"
    strange = [key for key in service.keys if key[0] not in _SECTIONS or key[1] not in _KEYS]
    return f"{strange}" if strange else ""


def _lower(option: tuple[str, str]) -> tuple[str, str]:
    """Quadlet writes capabilities in small letters."""
    return (option[0], option[1].lower()) if option[0].startswith("--cap-") else option


def _check(texts: list[str], folder: Path) -> None:
    made = rotated(EngineKind.PODMAN, texts)
    for options, service in zip(made, read([export(ExportKind.QUADLET, each) for each in made], folder), strict=True):
        assert differs(service, options) == "", (texts, service.words)
        assert len([key for key in service.keys if key[1].startswith("Exec")]) == 3
        assert not [path for path in service.required if not path.startswith(("/", "%t")) or " " in path]


def test_traps(tmp_path: Path) -> None:
    _check(list(TRAPS), tmp_path)
    _check([*_WORDS, *[""] * 6], tmp_path)
    assert not Path("/made").exists()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=12, max_size=16).filter(lambda texts: not any(map(_refused, texts))))
def test_any_text(tmp_path: Path, texts: list[str]) -> None:
    _check(texts, tmp_path)


def _refused(text: str) -> bool:
    return any(character in text for character in _UNWRITABLE) or any(ord(each) & 0xFFFE == 0xFFFE for each in text)


@pytest.mark.parametrize("character", _UNWRITABLE)
def test_what_no_unit_can_hold_is_refused(character: str) -> None:
    options = rotated(EngineKind.PODMAN, ["a"])[0]
    for changed in (
        replace(options, mounts=(RunMount("volume", "", f"/d{character}"),)),
        replace(options, network=character),
        replace(options, ports=(AskedPort(f"80{character}/tcp", "", ""),)),
    ):
        with pytest.raises(ExportError) as caught:
            export(ExportKind.QUADLET, changed)
        assert "can't express" in caught.value.message.id


def test_an_image_gives_the_service_no_command(tmp_path: Path) -> None:
    """`VOLUME ["/d\\n[Service]\\nExecStartPre=…"]`, as its maker may say."""
    mounts = (RunMount("volume", "v", SECTION), RunMount("bind", SECTION, "/e"))
    options = replace(rotated(EngineKind.PODMAN, ["a"])[0], mounts=mounts)
    (service,) = read([export(ExportKind.QUADLET, options)], tmp_path)
    assert ("--volume", f"v:{SECTION}") in service.options
    assert "ExecStartPre" not in [key for _, key in service.keys]
