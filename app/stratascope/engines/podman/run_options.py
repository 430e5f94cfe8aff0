"""Podman's create request (a SpecGenerator) as `RunOptions`, for exports to other tools. Pure.

What `podman run` has no word for is named in `unsaid`; what only it has a word for is in `own`.
"""

from __future__ import annotations

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedPort
from stratascope.core.message import Message, msg
from stratascope.core.options.request import Endpoint, HealthTest, Pairs, RunMount, RunOptions
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec, RestartPolicy
from stratascope.engines.podman.recreate_limits import NO_LIMIT
from stratascope.engines.podman.run_options_own import own, shared
from stratascope.engines.shared.json_reader import Answer, parse_object

_OURS = (TRANSACTION, ORIGINAL, NAME)
_ANNOTATION = "io.podman.annotations."  # Podman writes them itself, from other options
_ACCESS = {"ro", "rw"}


def run_options(spec: LaunchSpec, asked: Asked, body: str) -> RunOptions:
    """`body` is the create request for `asked`, as the relauncher writes it. Raises ValueError where it is damaged."""
    request = Answer(parse_object(body))
    unsaid: list[Message] = []
    resources = request.part("resource_limits")
    memory, cpu = resources.part("memory"), resources.part("cpu")
    network, networks = _network(request)
    entry = request.texts("entrypoint")
    environment = request.pairs("env")
    period = cpu.whole("period")
    cores = cpu.whole("quota") / period if period and cpu.whole("quota") > 0 else 0.0
    return RunOptions(
        kind=spec.kind,
        name=spec.name,
        image=request.text("raw_image_name") or request.text("image") or request.text("rootfs"),
        before=spec.asked,
        asked=asked,
        entrypoint=() if entry == ("",) else entry or None,
        command=request.texts("command") or (),
        environment=environment,
        plain=frozenset(name for name, value in environment if f"{name}={value}" in spec.image_environment),
        labels=tuple((name, value) for name, value in request.pairs("labels") if name not in _OURS),
        annotations=tuple(
            (name, value) for name, value in request.pairs("annotations") if not name.startswith(_ANNOTATION)
        ),
        workdir=request.text("work_dir"),
        user=request.text("user"),
        groups=request.texts("groups") or (),
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
        pid=_mode(request, "pidns"),
        ipc=_mode(request, "ipcns"),
        uts=_mode(request, "utsns"),
        cgroupns=_mode(request, "cgroupns"),
        userns=_mode(request, "userns"),
        uid_map=_map(request, "UIDMap"),
        gid_map=_map(request, "GIDMap"),
        restart=RestartPolicy(request.text("restart_policy") or "no", request.whole("restart_tries")),
        auto_remove=request.flag("remove"),
        stop_signal=str(request.whole("stop_signal") or ""),
        stop_timeout=request.whole("stop_timeout") if request.has("stop_timeout") else None,
        health=_health(request),
        log_driver=request.part("log_configuration").text("driver"),
        log_options=_log(request),
        privileged=request.flag("privileged"),
        cap_add=request.texts("cap_add") or (),
        cap_drop=request.texts("cap_drop") or (),
        no_new_privileges=request.flag("no_new_privileges"),
        seccomp=request.text("seccomp_profile_path"),
        apparmor=request.text("apparmor_profile"),
        selinux=request.texts("selinux_opts") or (),
        mask=request.texts("mask") or (),
        unmask=request.texts("unmask") or (),
        read_only=request.flag("read_only_filesystem"),
        read_only_tmpfs=request.flag("read_write_tmpfs"),
        devices=_devices(request),
        memory=memory.whole("limit"),
        memory_swap=memory.whole("swap"),
        memory_reservation=memory.whole("reservation"),
        cpus=cores,
        pids=resources.part("pids").whole("limit"),
        shm_size=request.whole("shm_size"),
        limits=tuple(
            AskedLimit(limit.text("type"), _number(limit, "soft"), _number(limit, "hard"))
            for limit in request.parts("r_limits")
        ),
        sysctls=_sysctls(request, network),
        shared=shared(request, unsaid, cores),
        own=own(request),
        unsaid=tuple(unsaid),
    )


def _number(limit: Answer, field: str) -> int:
    """-1 for no limit, as the command line says it."""
    number = limit.whole(field)
    return -1 if number == NO_LIMIT - 1 else number


def _mode(request: Answer, field: str) -> str:
    said = request.part(field)
    # The command line has other words for three of them
    name = {"path": "ns", "default": "", "no-map": "nomap"}.get(said.text("nsmode"), said.text("nsmode"))
    if name == "pod" or (name == "host" and field == "userns"):
        return ""
    return f"{name}:{said.text('value')}" if said.text("value") else name


def _map(request: Answer, field: str) -> tuple[str, ...]:
    # Of keep-id and others the numbers come of the word; of those that were chosen the word is "private"
    if request.part("userns").text("nsmode") != "private":
        return ()
    return tuple(
        f"{each.whole('container_id')}:{each.whole('host_id')}:{each.whole('size')}"
        for each in request.part("idmappings").parts(field)
    )


def _network(request: Answer) -> tuple[str, tuple[Endpoint, ...]]:
    mode = _mode(request, "netns")
    if mode != "bridge":
        words = {name: ",".join(values) for name, values in _texts_by_name(request, "network_options")}
        return (f"{mode}:{words[mode]}" if words.get(mode) else mode), ()
    networks = request.part("Networks")
    found = tuple(_endpoint(name, networks.part(name)) for name in networks.names())
    return ("", found) if found else ("bridge", ())


def _texts_by_name(request: Answer, field: str) -> Pairs | tuple[tuple[str, tuple[str, ...]], ...]:
    part = request.part(field)
    return tuple((name, part.texts(name) or ()) for name in part.names())


def _endpoint(name: str, said: Answer) -> Endpoint:
    options = said.pairs("options")
    if said.text("interface_name"):
        options = (("interface_name", said.text("interface_name")), *options)
    return Endpoint(name, said.texts("aliases") or (), said.texts("static_ips") or (), said.text("static_mac"), options)


def _addresses(request: Answer, field: str) -> tuple[str, ...]:
    return request.texts(field) or ()


def _log(request: Answer) -> Pairs:
    log = request.part("log_configuration")
    found = [("path", log.text("path")), ("max-size", str(log.whole("size") or ""))]
    return (*((name, value) for name, value in found if value), *log.pairs("options"))


def _health(request: Answer) -> HealthTest | None:
    said = request.part("healthconfig")
    if not request.raw("healthconfig"):
        return None
    return HealthTest(
        said.texts("Test") or (),
        said.whole("Interval"),
        said.whole("Timeout"),
        said.whole("StartPeriod"),
        said.whole("StartInterval"),
        said.whole("Retries"),
    )


def _mounts(request: Answer, unsaid: list[Message]) -> tuple[RunMount, ...]:
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


def _devices(request: Answer) -> tuple[AskedDevice, ...]:
    found = []
    for device in request.parts("devices"):
        source, _, rest = device.text("path").partition(":")
        target, _, access = rest.partition(":")
        found.append(AskedDevice(source, target or source, access or "rwm"))
    return tuple(found)


def _sysctls(request: Answer, network: str) -> Pairs:
    """Those of the network can't be asked for on the host's (podman-run(1))."""
    return tuple(
        (name, value) for name, value in request.pairs("sysctl") if network != "host" or not name.startswith("net.")
    )
