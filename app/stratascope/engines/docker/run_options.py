"""Docker's create request as `RunOptions`, for exports to other tools. Pure.

What `docker run` can't express is listed in `unsaid`. Decided against omitting the engine's defaults by a list of them:
null and empty values are omitted, all others are written.
"""

from __future__ import annotations

import re
from typing import Any

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.options.request import Endpoint, Pairs, RunMount, RunOptions
from stratascope.core.options.rules import labels_of, security_option
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec, RestartPolicy
from stratascope.engines.docker.mounts import split_bind
from stratascope.engines.shared.asked_options import bound_ports, health_test
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.value import replace

_OURS = (TRANSACTION, ORIGINAL, NAME)
_ID = re.compile(r"(sha256:)?[0-9a-f]{64}").fullmatch
_JOINED = ("", "default", "bridge")
_ACCESS = {"ro", "rw"}
# Numbers of HostConfig with an equivalent option; 0 and null: not set
_NUMBERS = {
    "BlkioWeight": "blkio-weight",
    "CpuShares": "cpu-shares",
    "CpuPeriod": "cpu-period",
    "CpuQuota": "cpu-quota",
    "CpuRealtimePeriod": "cpu-rt-period",
    "CpuRealtimeRuntime": "cpu-rt-runtime",
    "OomScoreAdj": "oom-score-adj",
}
_TEXTS = {"CpusetCpus": "cpuset-cpus", "CpusetMems": "cpuset-mems", "CgroupParent": "cgroup-parent"}
_RATES = {
    "BlkioDeviceReadBps": "device-read-bps",
    "BlkioDeviceWriteBps": "device-write-bps",
    "BlkioDeviceReadIOps": "device-read-iops",
    "BlkioDeviceWriteIOps": "device-write-iops",
}


def run_options(spec: LaunchSpec, asked: Asked, body: str) -> RunOptions:
    """`body` is the create request for `asked`, as the relauncher writes it. Raises ValueError if it is damaged."""
    raw = parse_object(body)
    config, host = JsonObject(raw), JsonObject(raw).part("HostConfig")
    unsaid: list[Message] = []
    options = dict(map(security_option, host.texts("SecurityOpt") or ()))
    network = host.text("NetworkMode")
    endpoints = _endpoints(config, network)
    named = network in _JOINED or any(endpoint.network == network for endpoint in endpoints)
    policy = host.part("RestartPolicy")
    privileged = host.flag("Privileged")
    return RunOptions(
        kind=spec.kind,
        name=spec.name,
        image=config.text("Image"),
        before=spec.asked,
        asked=replace(
            asked,
            memory_swap=host.whole("MemorySwap") or None,
            shm_size=host.limit("ShmSize")
            if not host.text("IpcMode").startswith(("container:", "host", "none"))
            else None,
            cgroupns_mode=host.text("CgroupnsMode"),
            selinux_options=labels_of(host.texts("SecurityOpt") or ()),
        ),
        entrypoint=_entry_point(config),
        command=config.texts("Cmd") or (),
        environment=_environment(config.texts("Env") or ()),
        plain=_plain(config.texts("Env") or (), spec),
        labels=tuple((name, value) for name, value in config.pairs("Labels") if name not in _OURS),
        annotations=host.pairs("Annotations"),
        workdir=config.text("WorkingDir"),
        hostname=config.text("Hostname"),
        domainname=config.text("Domainname"),
        tty=config.flag("Tty"),
        stdin=config.flag("OpenStdin"),
        init=host.flag("Init"),
        mounts=_mounts(host),
        ports=bound_ports(host),
        network="" if named else network,
        networks=endpoints if named and endpoints != (Endpoint("bridge"),) else (),
        dns=host.texts("Dns") or (),
        dns_search=host.texts("DnsSearch") or (),
        dns_options=host.texts("DnsOptions") or (),
        hosts=host.texts("ExtraHosts") or (),
        userns=host.text("UsernsMode"),
        restart=RestartPolicy(policy.text("Name") or "no", policy.whole("MaximumRetryCount")),
        auto_remove=host.flag("AutoRemove"),
        stop_signal=config.text("StopSignal"),
        stop_timeout=config.whole("StopTimeout") if raw.get("StopTimeout") is not None else None,
        health=health_test(config.part("Healthcheck")) if config.raw("Healthcheck") else None,
        log_options=host.part("LogConfig").pairs("Config"),
        seccomp=options.get("seccomp", ""),
        apparmor=options.get("apparmor", ""),
        unmask=_unmask(host, privileged, unsaid),
        devices=asked.devices,
        memory_reservation=host.whole("MemoryReservation"),
        sysctls=asked.sysctls,
        shared=_shared(config, host, named and bool(endpoints)),
        own=_own(host, unsaid),
        unsaid=tuple(unsaid),
    )


def _entry_point(config: JsonObject) -> tuple[str, ...] | None:
    words = config.texts("Entrypoint")
    return () if words == ("",) else words or None


def _environment(words: tuple[str, ...]) -> Pairs:
    return tuple((name, value) for name, _, value in (word.partition("=") for word in words))


def _plain(words: tuple[str, ...], spec: LaunchSpec) -> frozenset[str]:
    image = set(spec.image_environment)
    return frozenset(word.partition("=")[0] for word in words if word in image)


def _endpoints(config: JsonObject, mode: str) -> tuple[Endpoint, ...]:
    """The endpoints; the network mode's comes first: it is the primary one."""
    networks = config.part("NetworkingConfig").part("EndpointsConfig")
    found = []
    for name in sorted(
        networks.names(), key=lambda each: (each != mode, each != "bridge" or mode not in _JOINED, each)
    ):
        said = networks.part(name)
        address = said.part("IPAMConfig")
        found.append(
            Endpoint(
                network=name,
                aliases=said.texts("Aliases") or (),
                addresses=tuple(filter(None, (address.text("IPv4Address"), address.text("IPv6Address")))),
                mac=said.text("MacAddress"),
                options=said.pairs("DriverOpts"),
            )
        )
    return tuple(found)


def _mounts(host: JsonObject) -> tuple[RunMount, ...]:
    found = []
    for bind in host.texts("Binds") or ():
        source, target, modes = split_bind(bind)
        kind = "bind" if source.startswith("/") else "volume"
        words = tuple(mode for mode in modes if mode not in _ACCESS)
        found.append(RunMount(kind, source, target, "ro" in modes, words))
    for path, text in host.pairs("Tmpfs"):
        modes = tuple(filter(None, text.split(",")))
        # The runtime's configuration shows that it is writable
        found.append(RunMount("tmpfs", "", path, "ro" in modes, tuple(mode for mode in modes if mode != "ro")))
    found.extend(map(_mount, host.parts("Mounts")))
    return tuple(found)


def _mount(mount: JsonObject) -> RunMount:
    bind, volume, tmpfs = (mount.part(f"{kind}Options") for kind in ("Bind", "Volume", "Tmpfs"))
    long: list[tuple[str, str]] = []
    if bind.text("Propagation"):
        long.append(("bind-propagation", bind.text("Propagation")))
    if bind.flag("NonRecursive"):
        long.append(("bind-recursive", "disabled"))
    elif bind.flag("ReadOnlyNonRecursive"):
        long.append(("bind-recursive", "writable"))
    elif bind.flag("ReadOnlyForceRecursive"):
        long.append(("bind-recursive", "readonly"))
    if volume.flag("NoCopy"):
        long.append(("volume-nocopy", "true"))
    if volume.text("Subpath"):
        long.append(("volume-subpath", volume.text("Subpath")))
    long.extend(("volume-label", f"{name}={value}") for name, value in volume.pairs("Labels"))
    driver = volume.part("DriverConfig")
    if driver.text("Name"):
        long.append(("volume-driver", driver.text("Name")))
    long.extend(("volume-opt", f"{name}={value}") for name, value in driver.pairs("Options"))
    if tmpfs.whole("SizeBytes"):
        long.append(("tmpfs-size", str(tmpfs.whole("SizeBytes"))))
    if tmpfs.whole("Mode"):
        long.append(("tmpfs-mode", f"{tmpfs.whole('Mode'):o}"))
    if mount.text("Consistency"):
        long.append(("consistency", mount.text("Consistency")))
    kind = mount.text("Type")
    # Without options of its own it still needs --mount: -v would create a missing directory
    return RunMount(
        kind, mount.text("Source"), mount.text("Target"), mount.flag("ReadOnly"), (), tuple(long) or (("type", kind),)
    )


def _unmask(host: JsonObject, privileged: bool, unsaid: list[Message]) -> tuple[str, ...]:
    masked, read_only = host.texts("MaskedPaths"), host.texts("ReadonlyPaths")
    if privileged or masked is None or read_only is None:
        return ()
    if not masked and not read_only:
        return ("ALL",)
    if not masked or not read_only:
        unsaid.append(msg("The selection of paths below /proc and /sys that are hidden or read-only."))
    return ()


def _shared(config: JsonObject, host: JsonObject, networked: bool) -> Pairs:
    found: list[tuple[str, str]] = []
    for field, name in _NUMBERS.items():
        if host.whole(field):
            found.append((name, str(host.whole(field))))
    for field, name in _TEXTS.items():
        if host.text(field):
            found.append((name, host.text(field)))
    if host.raw("MemorySwappiness") is not None and host.whole("MemorySwappiness") >= 0:
        found.append(("memory-swappiness", str(host.whole("MemorySwappiness"))))
    if host.flag("OomKillDisable"):
        found.append(("oom-kill-disable", ""))
    for field, name in _RATES.items():
        found.extend((name, f"{rate.text('Path')}:{rate.whole('Rate')}") for rate in host.parts(field))
    found.extend(
        ("blkio-weight-device", f"{rate.text('Path')}:{rate.whole('Weight')}")
        for rate in host.parts("BlkioWeightDevice")
    )
    found.extend(("device-cgroup-rule", rule) for rule in host.texts("DeviceCgroupRules") or ())
    found.extend(("volumes-from", source) for source in host.texts("VolumesFrom") or ())
    published = set(host.part("PortBindings").names())
    found.extend(("expose", port) for port in config.part("ExposedPorts").names() if port not in published)
    if host.flag("PublishAllPorts"):
        found.append(("publish-all", ""))
    if config.text("MacAddress") and not networked:
        found.append(("mac-address", config.text("MacAddress")))
    return tuple(found)


def _own(host: JsonObject, unsaid: list[Message]) -> Pairs:
    found: list[tuple[str, str]] = []
    if host.text("Runtime") not in ("", "runc"):
        found.append(("runtime", host.text("Runtime")))
    if host.text("Isolation") not in ("", "default"):
        found.append(("isolation", host.text("Isolation")))
    if host.text("VolumeDriver"):
        found.append(("volume-driver", host.text("VolumeDriver")))
    found.extend(("link", link) for link in host.texts("Links") or ())
    found.extend(("storage-opt", f"{name}={value}") for name, value in host.pairs("StorageOpt"))
    for request in host.parts("DeviceRequests"):
        found.append(("gpus", _gpus(request.raw("Count"), request)))
        if request.text("Driver") not in ("", "nvidia", "cdi"):
            unsaid.append(msg("The driver {driver} for devices.", driver=request.text("Driver")))
    return tuple(found)


def _gpus(count: Any, request: JsonObject) -> str:
    if ids := request.texts("DeviceIDs"):
        return '"device=' + ",".join(ids) + '"'  # a list within a list of values needs its quotes
    return "all" if count in (-1, None) else str(count)
