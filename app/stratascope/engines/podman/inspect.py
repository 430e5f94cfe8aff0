"""Podman's inspect JSON (of its own API, not the Docker-compatible one) into a container. Pure: no SDK.

Podman derives its answer from the OCI configuration, so it shows results (bounding capabilities) where Docker shows
options; what it shows as neither (masked paths, as a rule) stays None.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedMount,
    AskedPort,
    Container,
    Engine,
    ProfileKind,
)
from stratascope.core.options.rules import labels_of, no_new_privileges, profile, security_option
from stratascope.core.options.values import device_of
from stratascope.core.ports import RawContainer
from stratascope.engines.podman.sources import added, id_maps, unmasked
from stratascope.engines.podman.sources import options as typed_options
from stratascope.engines.shared.asked_options import bound_ports, common_options, network_ids, tmpfs_mounts
from stratascope.engines.shared.json_reader import (
    JsonObject,
    blank_environment,
    capability_names,
    ended_of,
    exit_code_of,
    health_of,
    in_order,
    parse_container,
    redacted,
    status_of,
)
from stratascope.linux.capability import NAMES
from stratascope.value import replace

_ANNOTATION = "io.podman.annotations."
_ENVIRONMENT_OPTIONS = ("-e", "--env", "--env-merge")


def redact(inspect_json: str) -> str:
    """The same JSON, compact, without the values of the environment, also in the command that made the container."""
    return redacted(inspect_json, _blank)


def _blank(container: dict[str, Any]) -> None:
    config = container.get("Config")
    if isinstance(config, dict):
        known = config.get("Env")
        values = {item for item in known if isinstance(item, str)} if isinstance(known, list) else set()
        config["CreateCommand"] = _blank_command(config.get("CreateCommand"), values)
        if config["CreateCommand"] is None:
            del config["CreateCommand"]
    blank_environment(container)


def _blank_command(command: Any, environment: set[str]) -> Any:
    """Blank the values of `-e NAME=value`, `-eNAME=value`, `-de NAME=value`, `--env=NAME=value`, and any word that
    contains a whole assignment of the environment.
    """
    if not isinstance(command, list):
        return None if command is None else []
    found: list[Any] = []
    expected = False  # the previous word was an option that takes an assignment
    for word in command:
        if not isinstance(word, str):
            found.append("")
            continue
        short = word.startswith("-") and not word.startswith("--")
        prefix = next((f"{name}=" for name in _ENVIRONMENT_OPTIONS if word.startswith(f"{name}=")), "")
        if not prefix and short and "e" in word and "=" in word:
            prefix = word[: word.index("e") + 1]
        if expected or word in environment:
            found.append(_name_only(word))
        elif prefix:
            found.append(prefix + _name_only(word[len(prefix) :]))
        else:
            held = next((item for item in environment if "=" in item and item[-1] != "=" and item in word), None)
            found.append(word if held is None else word.replace(held, _name_only(held)))
        expected = word in _ENVIRONMENT_OPTIONS or (short and word.endswith("e"))
    return found


def _name_only(assignment: str) -> str:
    name, equals, _ = assignment.partition("=")
    return name + equals


def translate(raw: RawContainer, engine: Engine) -> Container:
    """Raises ValueError with a clear text if the JSON is damaged."""
    answer = parse_container(raw.inspect)
    state, config, host = answer.part("State"), answer.part("Config"), answer.part("HostConfig")
    pid = state.whole("Pid")
    path = answer.text("Path")
    words = [path, *(answer.texts("Args") or ())]
    if words == [path, path] and config.texts("Cmd") == (path,):
        words = [path]  # inspect lists the only word of a command twice
    return Container(
        engine=raw.engine,
        id=answer.text("Id") or raw.id,
        name=answer.text("Name") or raw.id[:12],
        image=answer.text("ImageName") or config.text("Image") or answer.text("Image"),
        status=status_of(state),
        pid=pid if pid > 0 else None,
        created=answer.moment("Created"),
        started=state.moment("StartedAt"),
        runtime=answer.text("OCIRuntime"),
        command=shlex.join(word for word in words if word),
        image_id=answer.text("Image"),
        pod=answer.text("Pod"),
        pod_name=config.text("Hostname") if answer.text("Pod") else "",
        infra=answer.flag("IsInfra"),
        init=host.flag("Init"),
        configuration=answer.text("OCIConfigPath"),
        labels=config.pairs("Labels"),
        exposed=tuple(sorted(config.part("ExposedPorts").names())),
        networks=tuple(network_ids(answer)),
        exit_code=exit_code_of(state),
        ended=ended_of(state),
        out_of_memory=state.flag("OOMKilled"),
        health=health_of(state),
        restored=state.flag("Restored"),
        requires=answer.texts("Dependencies") or (),
        asked=_asked(answer, config, host, engine),
    )


def _devices(shown: tuple[AskedDevice, ...], typed: Sequence[str], *, only_typed: bool) -> tuple[AskedDevice, ...]:
    """As typed: inspect looks a device up by its number alone, and may name a character device for a disk of that
    number; it does not say which access was given.
    """
    by_place = {device.target: device for device in map(device_of, typed)}
    if not shown:
        return tuple(by_place.values()) if only_typed else ()
    return tuple(by_place.get(each.target, each) for each in shown)


def _asked(answer: JsonObject, config: JsonObject, host: JsonObject, engine: Engine) -> Asked:
    notes = dict(config.pairs("Annotations")) | dict(host.pairs("Annotations"))
    options = host.texts("SecurityOpt") or ()
    privileged = host.flag("Privileged")
    command = typed_options(config.texts("CreateCommand") or ())
    typed = command or {}
    # inspect only mentions it if nothing at all is masked, and the engine masks a path or two by itself
    said = {word.lower() for word in (*options, *typed.get("security-opt", ()))}
    bare = () if privileged or "unmask=all" in said else None
    seccomp, seccomp_profile = _seccomp(options, notes, privileged, engine)
    apparmor, apparmor_profile = _apparmor(answer.text("AppArmorProfile"), notes, privileged)
    labels = list(labels_of(options))
    if not labels and f"{_ANNOTATION}label" in notes:
        labels = [notes[f"{_ANNOTATION}label"]]
    told = common_options(answer)
    return replace(
        told,
        cgroupns_mode=host.text("CgroupMode") or "private",
        # inspect shows "private" for keep-id, auto and nomap as well: the annotation has the typed word
        userns_mode=notes.get(f"{_ANNOTATION}userns") or host.text("UsernsMode"),
        masked_paths=bare,
        read_only_paths=bare,
        unmasked=unmasked(typed.get("security-opt", ())) if bare is None else (),
        mounts=(*(_mount(mount) for mount in answer.parts("Mounts")), *tmpfs_mounts(host)),
        # a rootless engine binds them, and inspect shows neither a device nor a mount; nor any of a privileged
        # container
        devices=_devices(told.devices, typed.get("device", ()), only_typed=engine.rootless or privileged),
        # not in inspect: only the command has them, if there is one
        device_rules=() if engine.rootless else None if command is None else typed.get("device-cgroup-rule", ()),
        cap_add=capability_names(added(answer)),
        capabilities=_capabilities(answer),
        no_new_privileges=no_new_privileges(options, False),
        seccomp=seccomp,
        seccomp_profile=seccomp_profile,
        apparmor=apparmor,
        apparmor_profile=apparmor_profile,
        selinux_options=tuple(labels),
        uid_map=id_maps(host.part("IDMappings"), "UidMap"),
        ports=_ports(host),
        # not in inspect
        sysctls=tuple((name, value) for name, _, value in (word.partition("=") for word in typed.get("sysctl", ()))),
        gid_map=id_maps(host.part("IDMappings"), "GidMap"),
    )


def _ports(host: JsonObject) -> tuple[AskedPort, ...]:
    """0.0.0.0 also means "all", if none was typed."""
    return tuple(replace(port, host_ip="") if port.host_ip == "0.0.0.0" else port for port in bound_ports(host))


def _capabilities(answer: JsonObject) -> tuple[str, ...] | None:
    """The configured bounding set; null if it is empty."""
    if not answer.has("BoundingCaps"):
        return None
    names = capability_names(answer.texts("BoundingCaps"))
    return NAMES if "ALL" in names else in_order(set(names))


def _seccomp(
    options: tuple[str, ...], notes: dict[str, str], privileged: bool, engine: Engine
) -> tuple[ProfileKind, str]:
    asked = [value for name, value in map(security_option, options) if name == "seccomp"]
    name = asked[-1] if asked else notes.get(f"{_ANNOTATION}seccomp", "")
    if name:
        return profile(name, ("", engine.facts.seccomp_profile or "default"))
    return (ProfileKind.UNCONFINED, "") if privileged else (ProfileKind.DEFAULT, "")


def _apparmor(chosen: str, notes: dict[str, str], privileged: bool) -> tuple[ProfileKind, str]:
    """Rootless Podman requests no profile, which shows as an empty text; the same without AppArmor."""
    name = chosen or notes.get(f"{_ANNOTATION}apparmor", "")
    if name.startswith("containers-default-"):  # the version of containers/common follows
        return ProfileKind.DEFAULT, ""
    if name:
        return profile(name, ("", ""))
    return (ProfileKind.UNCONFINED, "") if privileged else (ProfileKind.UNKNOWN, "")


def _mount(mount: JsonObject) -> AskedMount:
    kind, source = mount.text("Type") or "bind", mount.text("Source")
    if kind == "bind" and source in ("devpts", "ramfs"):  # a host path is absolute
        kind, source = source, ""
    return AskedMount(
        kind=kind,
        source="" if kind == "tmpfs" else source,
        target=mount.text("Destination"),
        writable=mount.flag("RW"),
        propagation=mount.text("Propagation"),
        volume=mount.text("Name"),
    )
