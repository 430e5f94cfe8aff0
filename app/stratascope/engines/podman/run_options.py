"""Podman's create request (a SpecGenerator) as `RunOptions`, for exports to other tools. Pure.

What `podman run` can't express is listed in `unsaid`; options that only Podman has are in `own`.
"""

from __future__ import annotations

import shlex
from typing import Any

from stratascope.core.container import Asked, AskedDevice, AskedPort
from stratascope.core.message import Message, msg
from stratascope.core.options.request import Endpoint, Pairs, RunMount, RunOptions, health_command
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec, RestartPolicy
from stratascope.engines.podman.recreate_network import NAMESPACES
from stratascope.engines.shared.asked_options import health_test
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.value import replace

_OURS = (TRANSACTION, ORIGINAL, NAME)
_ANNOTATION = "io.podman.annotations."  # Podman writes these itself, from other options
_ACCESS = {"ro", "rw"}
# Fields of one text, number or flag with an equivalent option
_TEXTS = {
    "timezone": "tz",
    "umask": "umask",
    "passwd_entry": "passwd-entry",
    "group_entry": "group-entry",
    "pod": "pod",
    "seccomp_policy": "seccomp-policy",
    "cgroups_mode": "cgroups",
    "sdnotifyMode": "sdnotify",
    "systemd": "systemd",
    "init_path": "init-path",
    "base_hosts_file": "hosts-file",
    "image_volume_mode": "image-volume",
    "healthLogDestination": "health-log-destination",
}
_NUMBERS = {
    "timeout": "timeout",
    "shm_size_systemd": "shm-size-systemd",
    "healthMaxLogCount": "health-max-log-count",
    "healthMaxLogSize": "health-max-log-size",
}
_LISTS = {
    "unsetenv": "unsetenv",
    "hostusers": "hostuser",
    "dependencyContainers": "requires",
    "chroot_directories": "chrootdirs",
    "gpus": "gpus",
}
_ON_FAILURE = {2: "kill", 3: "restart", 4: "stop"}
# Podman's defaults
_UNSAID = {
    ("sdnotify", "container"),
    ("umask", "0022"),
    ("health-log-destination", "local"),
    ("health-max-log-count", "5"),
    ("health-max-log-size", "500"),
}
_CPU = {"shares": "cpu-shares", "realtimeRuntime": "cpu-rt-runtime", "realtimePeriod": "cpu-rt-period"}


def run_options(spec: LaunchSpec, asked: Asked, body: str) -> RunOptions:
    """`body` is the create request for `asked`, as the relauncher writes it. Raises ValueError if it is damaged."""
    request = JsonObject(parse_object(body))
    unsaid: list[Message] = []
    resources = request.part("resource_limits")
    memory, cpu = resources.part("memory"), resources.part("cpu")
    network, networks = _network(request)
    entry = request.texts("entrypoint")
    environment = request.pairs("env")
    period = cpu.whole("period")
    cores = cpu.whole("quota") / period if period and cpu.whole("quota") > 0 else 0.0
    of_pod: dict[str, Any] = {
        field: "" for key, field in NAMESPACES.items() if request.part(key).text("nsmode") == "pod"
    }
    return RunOptions(
        kind=spec.kind,
        name=spec.name,
        image=request.text("raw_image_name") or request.text("image") or request.text("rootfs"),
        before=spec.asked,
        asked=replace(
            asked,
            memory_swap=memory.whole("swap") or None,
            shm_size=request.whole("shm_size") or None,
            selinux_options=request.texts("selinux_opts") or (),
            cap_drop=asked.cap_drop if request.has("cap_drop") else (),  # a privileged one lacks what its engine lacks
            **of_pod,
        ),
        entrypoint=() if entry == ("",) else entry or None,
        command=request.texts("command") or (),
        environment=environment,
        plain=frozenset(name for name, value in environment if f"{name}={value}" in spec.image_environment),
        labels=tuple((name, value) for name, value in request.pairs("labels") if name not in _OURS),
        annotations=tuple(
            (name, value) for name, value in request.pairs("annotations") if not name.startswith(_ANNOTATION)
        ),
        workdir=request.text("work_dir"),
        hostname=request.text("hostname"),
        tty=request.flag("terminal"),
        stdin=request.flag("stdin"),
        init=request.flag("init"),
        mounts=_mounts(request, unsaid),
        ports=tuple(
            AskedPort(
                f"{port.whole('container_port') + step}/{port.text('protocol') or 'tcp'}",
                port.text("host_ip"),
                str(port.whole("host_port") + step) if port.whole("host_port") else "",
            )
            for port in request.parts("portmappings")
            for step in range(max(1, port.whole("range")))
        ),
        network=network,
        networks=networks,
        dns=_addresses(request, "dns_server"),
        dns_search=request.texts("dns_search") or (),
        dns_options=request.texts("dns_option") or (),
        hosts=tuple(
            f"{name}:{address}"
            for names, _, address in (word.partition(":") for word in request.texts("hostadd") or ())
            for name in names.split(";")
        ),
        userns=_mode(request, "userns"),
        uid_map=_map(request, "UIDMap"),
        gid_map=_map(request, "GIDMap"),
        restart=RestartPolicy(request.text("restart_policy") or "no", request.whole("restart_tries")),
        auto_remove=request.flag("remove"),
        stop_signal=str(request.whole("stop_signal") or ""),
        stop_timeout=request.whole("stop_timeout") if request.has("stop_timeout") else None,
        health=health_test(request.part("healthconfig")) if request.raw("healthconfig") else None,
        log_options=_log(request),
        seccomp=request.text("seccomp_profile_path"),
        apparmor=request.text("apparmor_profile"),
        mask=request.texts("mask") or (),
        unmask=request.texts("unmask") or (),
        read_only_tmpfs=request.flag("read_write_tmpfs"),
        devices=_devices(request),
        memory_reservation=memory.whole("reservation"),
        sysctls=_sysctls(request, network),
        shared=_shared(request, unsaid, cores),
        own=_own(request),
        unsaid=tuple(unsaid),
    )


def _mode(request: JsonObject, field: str) -> str:
    fields = request.part(field)
    # The command line has other names for three of them
    name = {"path": "ns", "default": "", "no-map": "nomap"}.get(fields.text("nsmode"), fields.text("nsmode"))
    if name == "pod" or (name == "host" and field == "userns"):
        return ""
    return f"{name}:{fields.text('value')}" if fields.text("value") else name


def _map(request: JsonObject, field: str) -> tuple[str, ...]:
    # For keep-id and the like the maps follow from the mode; explicit maps have the mode "private"
    if request.part("userns").text("nsmode") != "private":
        return ()
    return tuple(
        f"{each.whole('container_id')}:{each.whole('host_id')}:{each.whole('size')}"
        for each in request.part("idmappings").parts(field)
    )


def _network(request: JsonObject) -> tuple[str, tuple[Endpoint, ...]]:
    mode = _mode(request, "netns")
    if mode != "bridge":
        words = {name: ",".join(values) for name, values in _texts_by_name(request, "network_options")}
        return (f"{mode}:{words[mode]}" if words.get(mode) else mode), ()
    networks = request.part("Networks")
    found = tuple(_endpoint(name, networks.part(name)) for name in networks.names())
    return ("", found) if found else ("bridge", ())


def _texts_by_name(request: JsonObject, field: str) -> Pairs | tuple[tuple[str, tuple[str, ...]], ...]:
    part = request.part(field)
    return tuple((name, part.texts(name) or ()) for name in part.names())


def _endpoint(name: str, fields: JsonObject) -> Endpoint:
    options = fields.pairs("options")
    if fields.text("interface_name"):
        options = (("interface_name", fields.text("interface_name")), *options)
    return Endpoint(
        name, fields.texts("aliases") or (), fields.texts("static_ips") or (), fields.text("static_mac"), options
    )


def _addresses(request: JsonObject, field: str) -> tuple[str, ...]:
    return request.texts(field) or ()


def _log(request: JsonObject) -> Pairs:
    log = request.part("log_configuration")
    found = [("path", log.text("path")), ("max-size", str(log.whole("size") or ""))]
    return (*((name, value) for name, value in found if value), *log.pairs("options"))


def _mounts(request: JsonObject, unsaid: list[Message]) -> tuple[RunMount, ...]:
    found = []
    for mount in request.parts("mounts"):
        words = mount.texts("options") or ()
        kind, target = mount.text("type"), mount.text("destination")
        if kind not in ("bind", "tmpfs", "devpts", "ramfs"):
            unsaid.append(msg("The {kind} mount at {path}.", kind=kind, path=target))
        found.append(_of(kind, mount.text("source") if kind == "bind" else "", target, words))
    for volume in request.parts("volumes"):
        words = volume.texts("Options") or ()
        name = volume.text("Name")
        mounted = _of("volume", name, volume.text("Dest"), words)
        if volume.text("SubPath"):
            long = tuple((word, "") for word in mounted.words)
            mounted = RunMount(
                "volume", name, mounted.target, mounted.read_only, (), (*long, ("subpath", volume.text("SubPath")))
            )
        found.append(mounted)
    found.extend(
        _of("overlay", mount.text("source"), mount.text("destination"), mount.texts("options") or ())
        for mount in request.parts("overlay_volumes")
    )
    found.extend(
        RunMount("image", image.text("Source"), image.text("Destination"), not image.flag("ReadWrite"))
        for image in request.parts("image_volumes")
    )
    return tuple(found)


def _of(kind: str, source: str, target: str, words: tuple[str, ...]) -> RunMount:
    return RunMount(kind, source, target, "ro" in words, tuple(word for word in words if word not in _ACCESS))


def _devices(request: JsonObject) -> tuple[AskedDevice, ...]:
    found = []
    for device in request.parts("devices"):
        source, _, rest = device.text("path").partition(":")
        target, _, access = rest.partition(":")
        found.append(AskedDevice(source, target or source, access or "rwm"))
    return tuple(found)


def _sysctls(request: JsonObject, network: str) -> Pairs:
    """A network sysctl can't be set on the host's network (podman-run(1))."""
    return tuple(
        (name, value) for name, value in request.pairs("sysctl") if network != "host" or not name.startswith("net.")
    )


def _shared(request: JsonObject, unsaid: list[Message], cores: float) -> Pairs:
    """Options that `docker run` has too; `cores` were written already."""
    resources = request.part("resource_limits")
    memory, cpu, blocks = (resources.part(name) for name in ("memory", "cpu", "blockIO"))
    found: list[tuple[str, str]] = [(name, str(cpu.whole(field))) for field, name in _CPU.items() if cpu.whole(field)]
    if cpu.whole("period") and not cores:
        found.append(("cpu-period", str(cpu.whole("period"))))
    found += [
        (name, cpu.text(field)) for field, name in (("cpus", "cpuset-cpus"), ("mems", "cpuset-mems")) if cpu.text(field)
    ]
    if memory.raw("swappiness") is not None:
        found.append(("memory-swappiness", str(memory.whole("swappiness"))))
    if memory.flag("disableOOMKiller"):
        found.append(("oom-kill-disable", ""))
    if blocks.whole("weight"):
        found.append(("blkio-weight", str(blocks.whole("weight"))))
    if any(blocks.raw(name) for name in blocks.names() if name.startswith("throttle") or name == "weightDevice"):
        unsaid.append(msg("The rates of single disks, which have only numbers here and no paths."))
    if resources.raw("hugepageLimits") or resources.raw("rdma"):
        unsaid.append(msg("The limits of huge pages and of RDMA."))
    if request.text("cgroup_parent"):
        found.append(("cgroup-parent", request.text("cgroup_parent")))
    if request.raw("oom_score_adj") is not None:
        found.append(("oom-score-adj", str(request.whole("oom_score_adj"))))
    for rule in request.parts("device_cgroup_rule"):
        numbers = ":".join("*" if rule.raw(key) in (None, -1) else str(rule.whole(key)) for key in ("major", "minor"))
        if rule.flag("allow"):
            found.append(("device-cgroup-rule", f"{rule.text('type') or 'a'} {numbers} {rule.text('access')}"))
        else:
            unsaid.append(msg("The rule that denies the device {device}.", device=f"{rule.text('type')} {numbers}"))
    found.extend(("volumes-from", source) for source in request.texts("volumes_from") or ())
    expose = request.part("expose")
    found.extend(
        ("expose", f"{port}/{protocol}") for port in expose.names() for protocol in expose.text(port).split(",")
    )
    if request.flag("publish_image_ports"):
        found.append(("publish-all", ""))
    return tuple(found)


def _own(request: JsonObject) -> Pairs:
    """Options that only Podman has."""
    found = [(name, request.text(field)) for field, name in _TEXTS.items() if request.text(field)]
    found += [(name, str(request.whole(field))) for field, name in _NUMBERS.items() if request.raw(field) is not None]
    found = [each for each in found if each not in _UNSAID]
    found += [(name, text) for field, name in _LISTS.items() for text in request.texts(field) or ()]
    for field, name in (("httpproxy", "http-proxy"), ("manage_password", "passwd")):
        if request.raw(field) is False:
            found.append((name, "false"))
    if request.flag("use_image_hosts"):
        found.append(("no-hosts", ""))
    if request.flag("use_image_hostname"):
        found.append(("no-hostname", ""))
    if request.flag("use_image_resolve_conf"):
        found.append(("dns", "none"))
    if request.text("rootfs"):
        found.append(("rootfs", ""))
    if request.flag("removeImage"):
        found.append(("rmi", ""))
    if request.flag("label_nested"):
        found.append(("security-opt", "label=nested"))
    if words := request.texts("procfs_opts"):
        found.append(("security-opt", "proc-opts=" + ",".join(words)))
    unified = request.part("unified")
    found += [("cgroup-conf", f"{name}={unified.text(name)}") for name in unified.names()]
    personality = request.part("personality").text("domain")
    if personality:
        found.append(("personality", personality))
    for secret in request.parts("secrets"):
        words_of = [secret.text("Source")]
        if secret.text("Target"):
            words_of.append(f"target={secret.text('Target')}")
        words_of += [f"uid={secret.whole('UID')}", f"gid={secret.whole('GID')}", f"mode={secret.whole('Mode'):04o}"]
        found.append(("secret", ",".join(words_of)))
    found += [("secret", f"{secret},type=env,target={name}") for name, secret in request.pairs("secret_env")]
    action = _ON_FAILURE.get(request.whole("health_check_on_failure_action"))
    if action:
        found.append(("health-on-failure", action))
    return (*found, *_startup(request))


def _startup(request: JsonObject) -> Pairs:
    fields = request.part("startupHealthConfig")
    test = fields.texts("Test") or ()
    if not test:
        return ()
    found = [("health-startup-cmd", health_command(test) or shlex.join(test[1:]))]
    for field, name in (("Interval", "interval"), ("Timeout", "timeout")):
        if fields.whole(field):
            found.append((f"health-startup-{name}", f"{fields.whole(field)}ns"))
    for field, name in (("Retries", "retries"), ("Successes", "success")):
        if fields.whole(field):
            found.append((f"health-startup-{name}", str(fields.whole(field))))
    return tuple(found)
