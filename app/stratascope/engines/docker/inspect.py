"""Docker's inspect JSON into a container. Pure: no SDK, works on a saved capture too.

How options combine is up to the daemon (moby, daemon/oci_linux.go and oci/caps), verified by trying: inspect shows what
was typed, not the result.
"""

from __future__ import annotations

import shlex

from stratascope.core.container import (
    Asked,
    AskedMount,
    AskedPort,
    Container,
    Engine,
    ProfileKind,
)
from stratascope.core.options.capabilities import with_result
from stratascope.core.options.rules import labels_of, no_new_privileges, profile, security_option
from stratascope.core.ports import RawContainer
from stratascope.engines.shared.asked_options import bound_ports, common_options, network_ids, tmpfs_mounts
from stratascope.engines.shared.json_reader import (
    JsonObject,
    blank_environment,
    capability_names,
    ended_of,
    exit_code_of,
    health_command_of,
    health_of,
    parse_container,
    redacted,
    status_of,
)
from stratascope.value import replace


def redact(inspect_json: str) -> str:
    """The same JSON, compact, without the values of the environment. Raises ValueError if it is invalid."""
    return redacted(inspect_json, blank_environment)


def translate(raw: RawContainer, engine: Engine) -> Container:
    """Raises ValueError with a clear text if the JSON is damaged."""
    answer = parse_container(raw.inspect)
    state, config, host = answer.part("State"), answer.part("Config"), answer.part("HostConfig")
    pid = state.whole("Pid")
    words = [answer.text("Path"), *(answer.texts("Args") or ())]
    return Container(
        engine=raw.engine,
        id=answer.text("Id") or raw.id,
        name=answer.text("Name").removeprefix("/") or raw.id[:12],
        image=config.text("Image") or answer.text("Image"),
        status=status_of(state),
        pid=pid if pid > 0 else None,
        created=answer.moment("Created"),
        started=state.moment("StartedAt"),
        runtime=host.text("Runtime"),
        command=shlex.join(word for word in words if word),
        image_id=answer.text("Image"),
        init=host.flag("Init"),
        labels=config.pairs("Labels"),
        exposed=tuple(sorted(config.part("ExposedPorts").names())),
        networks=tuple(network_ids(answer)),
        exit_code=exit_code_of(state),
        ended=ended_of(state),
        out_of_memory=state.flag("OOMKilled"),
        health=health_of(state),
        health_command=health_command_of(config),
        links=tuple(word.partition(":")[0].removeprefix("/") for word in host.texts("Links") or ()),
        asked=with_result(_asked(answer, config, host, engine), engine),
    )


def _asked(answer: JsonObject, config: JsonObject, host: JsonObject, engine: Engine) -> Asked:
    options = host.texts("SecurityOpt") or ()
    privileged = host.flag("Privileged")
    seccomp, seccomp_profile = _profile("seccomp", options, privileged, engine.facts.seccomp_profile, "builtin")
    apparmor, apparmor_profile = _profile(
        "apparmor", options, privileged, answer.text("AppArmorProfile"), "docker-default"
    )
    return replace(
        common_options(answer),
        # Daemons before 20.10 have no such field and share the host's
        cgroupns_mode=host.text("CgroupnsMode") or "host",
        userns_mode=host.text("UsernsMode"),
        masked_paths=_paths(host, "MaskedPaths", privileged),
        read_only_paths=_paths(host, "ReadonlyPaths", privileged),
        # Docker's order is random
        mounts=(
            *sorted((_mount(mount, host) for mount in answer.parts("Mounts")), key=lambda mount: mount.target),
            *tmpfs_mounts(host),
        ),
        device_rules=host.texts("DeviceCgroupRules") or (),
        cap_add=capability_names(host.texts("CapAdd")),
        no_new_privileges=no_new_privileges(options, "name=no-new-privileges" in engine.facts.security_options),
        seccomp=seccomp,
        seccomp_profile=seccomp_profile,
        apparmor=apparmor,
        apparmor_profile=apparmor_profile,
        selinux_options=labels_of(options),
        ports=_ports(config, host),
        sysctls=host.pairs("Sysctls"),
    )


def _ports(config: JsonObject, host: JsonObject) -> tuple[AskedPort, ...]:
    """The ports published individually, and with publish-all each exposed one."""
    found = list(bound_ports(host))
    if host.flag("PublishAllPorts"):
        named = {port.container_port for port in found}
        found += [AskedPort(name, "", "") for name in config.part("ExposedPorts").names() if name not in named]
    return tuple(sorted(found, key=lambda port: (port.container_port, port.host_ip, port.host_port)))


def _profile(of: str, options: tuple[str, ...], privileged: bool, chosen: str, builtin: str) -> tuple[ProfileKind, str]:
    """A profile's kind and name. `chosen`: the profile that the engine reports or applies by default; `builtin`: its
    name for its default.
    """
    asked = [value for name, value in map(security_option, options) if name == of]
    if privileged and not asked:
        return ProfileKind.UNCONFINED, ""
    return profile(asked[-1] if asked else chosen or builtin, ("", builtin))


def _paths(host: JsonObject, key: str, privileged: bool) -> tuple[str, ...] | None:
    """Null means none for a privileged container; else the daemon is too old to report them."""
    paths = host.texts(key)
    return () if paths is None and privileged else paths


def _mount(mount: JsonObject, host: JsonObject) -> AskedMount:
    return AskedMount(
        kind=mount.text("Type") or "bind",
        source="" if mount.text("Type") == "tmpfs" else mount.text("Source"),
        target=mount.text("Destination"),
        writable=mount.flag("RW"),
        propagation=_propagation(mount, host),
        volume=mount.text("Name"),
    )


def _propagation(mount: JsonObject, host: JsonObject) -> str:
    """The propagation, "" if it was not set: mounts that contain the daemon's own data (`-v /:/host`) become rslave, if
    the source is shared (moby, volume/mounts/linux_parser.go and daemon/oci_linux.go).
    """
    found, place = mount.text("Propagation"), mount.text("Destination")
    typed = [each.part("BindOptions").text("Propagation") for each in host.parts("Mounts")
             if each.text("Target").rstrip("/") == place.rstrip("/")]  # fmt: skip
    return found if found != "rslave" or found in (*mount.text("Mode").split(","), *typed) else ""
