"""Write changed options into Podman's create request. Pure.

Only the difference is written: what no toggle changed stays as it is. Podman's client stores some options again in
annotations, from which inspect and the next relaunch read them, so both are changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import msg
from stratascope.core.options.rules import CPU_PERIOD, memory_and_swap, profile_text
from stratascope.core.options.values import device_of, device_text
from stratascope.core.relaunch.launch_spec import (
    CHECK_FAILURES,
    CHECK_INTERVAL,
    MAPPED,
    MAPPED_TO,
    LaunchSpec,
    PlainOptions,
    TwinMount,
)
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.engines.podman.recreate import NO_LIMIT
from stratascope.engines.podman.recreate_network import NAMESPACES, mode
from stratascope.engines.podman.sources import ANNOTATION, MASKED, READ_ONLY, with_option, without
from stratascope.engines.shared.asked_options import PLAIN, overridden
from stratascope.engines.shared.json_reader import JsonObject, cores, parse_object

Body = dict[str, Any]

_TMPFS = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]  # as Podman's own `--tmpfs PATH`
_LISTS = (
    ("mounts", "destination"),
    ("volumes", "Dest"),
    ("overlay_volumes", "destination"),
    ("image_volumes", "Destination"),
)
_SHARED = ("netns", "pidns", "ipcns", "utsns", "cgroupns", "userns")
_OF_RESOURCES = ("memory", "memory_swap", "pids", "cpuset")
# Fields with the same name in the request
_ALIKE = ("no_new_privileges", "user", *(field for field in PLAIN if field not in _OF_RESOURCES))
_WITH_PORTS = ("bridge", "private", "default", "slirp4netns", "pasta")


def body(spec: LaunchSpec, asked: Asked) -> str:
    """The spec's create request with the difference from `spec.asked` to `asked`. Raises ToggleError if unsupported."""
    found: Body = json.loads(spec.body)
    for write in (_rights, _profiles, _paths, _namespaces, _network, _user_namespace, _root, _mounts, _devices, _sizes):
        write(found, spec.asked, asked)
    limits(found, spec.asked, asked)
    ports(found, spec.asked, asked)
    return json.dumps(found)


def with_image(text: str, image: str, name: str = "") -> str:
    """The same request with another image (a commit of the writable layer), by id; `name`: the name to record."""
    found: Body = json.loads(text)
    found["image"] = image
    if name:
        found["raw_image_name"] = name
    return json.dumps(found)


def repointed(text: str, moved: Mapping[str, str]) -> str:
    """The same request, with the new ids of containers whose namespaces it shares and that it requires.

    `volumes_from` stays: it is only read once, and the volumes are the same.
    """
    found: Body = json.loads(text)
    for key in _SHARED:
        space = found.get(key)
        if space and space.get("nsmode") == "container" and space.get("value") in moved:
            found[key] = {**space, "value": moved[space["value"]]}
    if required := found.get("dependencyContainers"):
        found["dependencyContainers"] = [moved.get(each, each) for each in required]
    note = f"{ANNOTATION}userns"
    kind, _, other = found.get("annotations", {}).get(note, "").partition(":")
    if kind == "container" and other in moved:
        found["annotations"] = {**found["annotations"], note: f"{kind}:{moved[other]}"}
    return json.dumps(found)


def _put(found: Body, key: str, value: Any) -> None:
    """Omit empty values: the API takes some of them for a choice."""
    if value:
        found[key] = value
    else:
        found.pop(key, None)


def _note(found: Body, name: str, value: str) -> None:
    notes = found.setdefault("annotations", {})
    if value:
        notes[f"{ANNOTATION}{name}"] = value
    else:
        notes.pop(f"{ANNOTATION}{name}", None)


def _rights(found: Body, had: Asked, asked: Asked) -> None:
    left_privileged = had.privileged and not asked.privileged
    if had.privileged != asked.privileged:
        _put(found, "privileged", asked.privileged)
        _note(found, "privileged", "TRUE" if asked.privileged else "")
    if left_privileged or (had.cap_add, had.cap_drop) != (asked.cap_add, asked.cap_drop):
        _put(found, "cap_add", list(asked.cap_add))
        _put(found, "cap_drop", list(asked.cap_drop))
    for name in _ALIKE:
        if getattr(had, name) != getattr(asked, name):
            _put(found, name, getattr(asked, name))


def _profiles(found: Body, had: Asked, asked: Asked) -> None:
    left_privileged = had.privileged and not asked.privileged
    if left_privileged or (had.seccomp, had.seccomp_profile) != (asked.seccomp, asked.seccomp_profile):
        name = profile_text(asked.seccomp, asked.seccomp_profile)
        if name.lstrip().startswith("{"):
            raise ToggleError(msg("Podman takes a seccomp profile only as the path of a file on its own machine."))
        _put(found, "seccomp_profile_path", name)
        _note(found, "seccomp", name)
        found.pop("seccomp_policy", None)
    if left_privileged or (had.apparmor, had.apparmor_profile) != (asked.apparmor, asked.apparmor_profile):
        name = profile_text(asked.apparmor, asked.apparmor_profile)
        _put(found, "apparmor_profile", name)
        _note(found, "apparmor", name)
    if had.selinux_options != asked.selinux_options:
        _put(found, "selinux_opts", list(asked.selinux_options))
        _note(found, "label", ",label=".join(asked.selinux_options))
        found.pop("label_nested", None)


def _paths(found: Body, had: Asked, asked: Asked) -> None:
    before, after = (had.masked_paths, had.read_only_paths), (asked.masked_paths, asked.read_only_paths)
    shown = [path for path in asked.unmasked if path not in had.unmasked]
    if shown and found.get("unmask") != ["ALL"]:
        found["unmask"] = [*found.get("unmask", ()), *(path for path in shown if path not in found.get("unmask", ()))]
        _put(found, "mask", [path for path in found.get("mask", ()) if path not in shown])
    if before == after:
        return
    if None in after:
        found.pop("unmask", None)
        _forget(found, "security-opt", lambda value: value.lower().startswith("unmask"))
        if before == ((), ()):
            found.pop("mask", None)
        return
    masked, read_only = asked.masked_paths or (), asked.read_only_paths or ()
    if not masked and not read_only:
        found["unmask"] = ["ALL"]
        return
    _put(found, "mask", [path for path in masked if path not in MASKED])
    covered = {*masked, *read_only}
    _put(found, "unmask", [path for path in dict.fromkeys((*MASKED, *READ_ONLY)) if path not in covered])


def _namespaces(found: Body, had: Asked, asked: Asked) -> None:
    for key, field in NAMESPACES.items():
        if getattr(had, field) != getattr(asked, field):
            found[key] = mode(getattr(asked, field) or "private")
    if found["ipcns"]["nsmode"] not in ("private", "shareable"):
        found.pop("shm_size", None)  # the API refuses it
    if found["utsns"]["nsmode"] != "private":
        found.pop("hostname", None)


def _network(found: Body, had: Asked, asked: Asked) -> None:
    if had.network_mode == asked.network_mode:
        return
    # The engine's default: a bridge for root, slirp4netns or pasta for others
    wanted = "default" if asked.network_mode in ("", "private") else asked.network_mode
    found["netns"] = mode(wanted)
    found.pop("network_options", None)
    if wanted != "bridge":
        found.pop("Networks", None)
    if wanted.partition(":")[0] not in _WITH_PORTS:
        for key in ("portmappings", "publish_image_ports", "expose"):
            found.pop(key, None)
        if wanted != "host":
            for key in ("dns_server", "dns_search", "dns_option", "hostadd"):
                found.pop(key, None)


def _user_namespace(found: Body, had: Asked, asked: Asked) -> None:
    if (had.userns_mode, had.uid_map) == (asked.userns_mode, asked.uid_map):
        return
    text = asked.userns_mode or ("private" if asked.uid_map else "host")
    name, _, options = text.partition(":")
    found["userns"] = mode(text)
    found.pop("idmappings", None)
    if name == "auto":
        chosen = {key: value for key, _, value in (word.partition("=") for word in options.split(","))}
        found["idmappings"] = {
            "HostUIDMapping": False,
            "HostGIDMapping": False,
            "AutoUserNs": True,
            "AutoUserNsOpts": {"Size": int(chosen.get("size", "0") or 0)},
        }
    elif name == "private":
        maps = [{"container_id": inside, "host_id": outside, "size": size} for inside, outside, size in asked.uid_map]
        found["idmappings"] = {"HostUIDMapping": False, "HostGIDMapping": False, "UIDMap": maps, "GIDMap": maps}
    _note(found, "userns", "" if name == "host" else text)


def _root(found: Body, had: Asked, asked: Asked) -> None:
    if had.read_only_root == asked.read_only_root:
        return
    _put(found, "read_only_filesystem", asked.read_only_root)
    # Podman's default: /dev/shm stays writable, and /run, /tmp and /var/tmp are writable tmpfs
    _put(found, "read_write_tmpfs", asked.read_only_root)


def _mounts(found: Body, had: Asked, asked: Asked) -> None:
    before, after = _by_target(had.mounts), _by_target(asked.mounts)
    gone = {target for target in before if target not in after}
    if gone:
        if found.get("volumes_from"):
            raise ToggleError(
                msg("A mount can't be removed here: it comes back with the volumes of another container.")
            )
        _filter(found, lambda target: target not in gone)
    for target, mounts in after.items():
        if target not in before:
            _add(found, mounts[-1], asked.user)
        elif [mount.writable for mount in before[target]] != [mount.writable for mount in mounts]:
            _writable(found, target, all(mount.writable for mount in mounts))
        elif mounts[-1].options and mounts[-1].kind == "tmpfs" and mounts[-1].options != before[target][-1].options:
            _free(found, target, mounts[-1].options.split(","))


def _by_target(mounts: tuple[AskedMount, ...]) -> dict[str, list[AskedMount]]:
    found: dict[str, list[AskedMount]] = {}
    for mount in mounts:
        found.setdefault(mount.target, []).append(mount)
    return found


def _filter(found: Body, keep: Callable[[str], bool]) -> None:
    for key, name in _LISTS:
        if key in found:
            _put(found, key, [each for each in found[key] if keep(each[name])])


def _add(found: Body, mount: AskedMount, user: str) -> None:
    access = "rw" if mount.writable else "ro"
    if mount.kind == "volume":
        volume = {"Name": mount.volume or mount.source, "Dest": mount.target, "Options": [access]}
        found.setdefault("volumes", []).append(volume)
        return
    if mount.kind == "tmpfs":
        options = [*(word for word in _TMPFS if word != "rw"), *_like(mount.options, user)]
    else:
        options = ["rbind", mount.propagation or "rprivate"]
    source = "tmpfs" if mount.kind == "tmpfs" else mount.source
    found.setdefault("mounts", []).append(
        {"type": mount.kind, "source": source, "destination": mount.target, "options": [access, *options]}
    )


def _like(options: str, user: str) -> tuple[str, ...]:
    """Convert a tmpfs's owner and mode: Podman has no uid=, but `U` for the container's user, else root. A tmpfs of
    another owner is made world-writable, since existing files keep their owner. It is never noexec by itself.
    """
    words = dict(word.partition("=")[::2] for word in options.split(",") if "=" in word)
    if not words:
        return ()
    owner = words.get("uid", "0"), words.get("gid", "0")
    uid, _, gid = user.partition(":")
    if owner == (uid, gid or "0"):
        return ("U", f"mode={words['mode']}")
    return (f"mode={words['mode']}",) if owner == ("0", "0") else ("mode=1777",)


def _writable(found: Body, target: str, writable: bool) -> None:
    access = "rw" if writable else "ro"
    for key, name in _LISTS:
        for each in found.get(key, ()):
            if each[name] != target:
                continue
            if key == "image_volumes":
                each["ReadWrite"] = writable
                continue
            options = "Options" if key == "volumes" else "options"
            each[options] = [*(word for word in each.get(options) or () if word not in ("rw", "ro")), access]


def _free(found: Body, target: str, words: list[str]) -> None:
    """Change the options of an existing tmpfs."""
    for each in found.get("mounts", ()):
        if each["destination"] == target:
            left = (word for word in each.get("options") or () if not overridden(word, words))
            each["options"] = [*left, *words]


def _add_typed(found: Body, name: str, value: str) -> None:
    """Also add it to the command that Podman stores, if inspect does not show the option."""
    if command := found.get("containerCreateCommand"):
        found["containerCreateCommand"] = with_option(command, name, value)


def _sizes(found: Body, had: Asked, asked: Asked) -> None:
    new = {name: value for name, value in asked.sysctls if (name, value) not in had.sysctls}
    if new:
        found["sysctl"] = {**(found.get("sysctl") or {}), **new}
        _forget(found, "sysctl", lambda typed: typed.partition("=")[0] in new)
        for name, value in new.items():
            _add_typed(found, "sysctl", f"{name}={value}")


def _forget(found: Body, name: str, drop: Callable[[str], bool]) -> None:
    """Also remove it from the stored command, from which the next relaunch reads what inspect does not show."""
    if command := found.get("containerCreateCommand"):
        found["containerCreateCommand"] = without(command, name, drop)


def _devices(found: Body, had: Asked, asked: Asked) -> None:
    if had.devices == asked.devices:
        return
    before = {device.target for device in had.devices}
    # Devices unknown to the typed options (Container Device Interface names) stay
    others = [each for each in found.get("devices", ()) if [*each["path"].split(":"), ""][1] not in before]
    wanted = [{"path": f"{each.source}:{each.target}:{each.permissions}"} for each in asked.devices]
    kept = {each["path"].split(":")[1]: each for each in found.get("devices", ()) if each not in others}
    unchanged = set(had.devices)
    # Inspect does not show permissions: unchanged devices keep those passed to the runtime
    wanted = [
        kept.get(device.target, each) if device in unchanged else each
        for device, each in zip(asked.devices, wanted, strict=True)
    ]
    _put(found, "devices", [*wanted, *others])
    if had.device_rules and not asked.device_rules:
        _put(found, "device_cgroup_rule", None)
        _forget(found, "device-cgroup-rule", lambda value: True)
    left = {device.target for device in asked.devices}
    _forget(found, "device", lambda value: device_of(value).target not in left)
    new = {device.target for device in asked.devices if device not in unchanged}
    _forget(found, "device", lambda value: device_of(value).target in new)
    for device in asked.devices:
        if device.target in new:
            _add_typed(found, "device", device_text(device))


# -- limits and published ports


def limits(found: Body, had: Asked, asked: Asked) -> None:
    """Memory, processes, CPUs, ulimits."""
    resources: Body = found.get("resource_limits") or {}
    memory: Body = dict(resources.get("memory") or {})
    if had.memory != asked.memory:
        _put(memory, "limit", asked.memory)
        if asked.memory and memory.get("reservation", 0) > asked.memory:
            memory["reservation"] = asked.memory
    if had.memory_swap != asked.memory_swap:
        _put(memory, "swap", asked.memory_swap)
    elif had.memory != asked.memory:
        if asked.memory is None:
            memory.pop("swap", None)
        elif 0 <= memory.get("swap", 0) < asked.memory:
            memory["swap"] = memory_and_swap(asked.memory)
    cpu: Body = dict(resources.get("cpu") or {})
    if had.cpu_cores != asked.cpu_cores:
        cores = asked.cpu_cores
        _put(cpu, "quota", None if cores is None else round(cores * CPU_PERIOD))
        _put(cpu, "period", None if cores is None else CPU_PERIOD)
    if had.cpuset != asked.cpuset:
        _put(cpu, "cpus", asked.cpuset)
    pids: Body = dict(resources.get("pids") or {})
    if had.pids != asked.pids:
        pids = {"limit": asked.pids if asked.pids else -1}  # without one the engine's default applies again
    for key, value in (("memory", memory), ("cpu", cpu), ("pids", pids)):
        _put(resources, key, value)
    _put(found, "resource_limits", resources)
    if had.limits != asked.limits:
        wanted = [
            {"type": each.name.lower(), "soft": each.soft % NO_LIMIT, "hard": each.hard % NO_LIMIT}
            for each in asked.limits
        ]
        _put(found, "r_limits", wanted)


def ports(found: Body, had: Asked, asked: Asked) -> None:
    """All published ports; 0 lets Podman choose."""
    if had.ports == asked.ports:
        return
    wanted = []
    for port in asked.ports:
        number, _, protocol = port.container_port.partition("/")
        wanted.append(
            {
                "container_port": int(number),
                "host_port": int(port.host_port or 0),
                "host_ip": port.host_ip,
                "protocol": protocol or "tcp",
                "range": 1,
            }
        )
    _put(found, "portmappings", wanted)
    if len(asked.ports) < len(had.ports):
        found.pop("publish_image_ports", None)  # they would be added again


# -- limits that Podman changes while a container runs: the update call's body, and the result in inspect


def resources(host: JsonObject, limits: Asked) -> dict[str, Any]:
    """The body of the update call, from the current values (`HostConfig`) and the wanted ones."""
    wanted: dict[str, Any] = {}
    memory: dict[str, int] = {}
    if limits.memory is not None:
        memory["limit"] = limits.memory
    if limits.memory_swap is not None:
        memory["swap"] = limits.memory_swap
    elif limits.memory is not None and 0 <= host.whole("MemorySwap") < limits.memory:
        memory["swap"] = memory_and_swap(limits.memory)  # the kernel requires no less than the memory
    if memory:
        wanted["memory"] = memory
    if limits.pids is not None:
        wanted["pids"] = {"limit": limits.pids}
    if limits.cpu_cores is not None:
        wanted["cpu"] = {"quota": round(limits.cpu_cores * CPU_PERIOD), "period": CPU_PERIOD}
    return wanted


def differences(host: JsonObject, limits: Asked) -> list[str]:
    """The values that are not as wanted, by the engine's names."""
    found = [
        f"{name}: {host.whole(name)}"
        for name, value in (
            ("Memory", limits.memory),
            ("MemorySwap", limits.memory_swap),
            ("PidsLimit", limits.pids),
        )
        if value is not None and host.whole(name) != value
    ]
    now = cores(host) or 0.0
    if limits.cpu_cores is not None and abs(now - limits.cpu_cores) > 0.001:
        found.append(f"NanoCpus: {now:g}")
    return found


# -- the create request of a twin
# Podman has overlays of its own (`-v SOURCE:/place:O`), rootless too: the upper layer is stored with the container, has
# the source's owner and mode, and is removed with it. Such a mount can't be read-only, so read-only ones are mounted
# unchanged.

_LOG: Body = {"driver": "k8s-file", "size": 4 << 20}
# Fields for the network, for automatic starts and removal, and for dependencies
_LEFT = (
    *("Networks", "network_options", "portmappings", "publish_image_ports", "static_ip", "static_ipv6", "static_mac"),
    *("restart_policy", "restart_tries", "remove", "volatile", "removeImage", "dependencyContainers", "pod"),
    *("volumes", "volumes_from", "cgroup_parent", "cgroups_mode", "health_check_on_failure_action"),
    *("startupHealthConfig", "healthLogDestination"),
)
_NOTES = (f"{ANNOTATION}autoremove", f"{ANNOTATION}publish-all", f"{ANNOTATION}volumes-from")


def twin(spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str) -> str:
    """See `core.ports.Relauncher`."""
    request: Body = {key: value for key, value in json.loads(body).items() if key not in _LEFT}
    request["netns"] = {"nsmode": "none"}
    request["labels"] = {}
    request["annotations"] = {
        name: value for name, value in (request.get("annotations") or {}).items() if name not in _NOTES
    }
    request["log_configuration"] = _LOG
    request["sdnotifyMode"] = "ignore"
    if cgroup_parent:
        request["cgroup_parent"] = cgroup_parent
    if name := JsonObject(parse_object(spec.inspect)).part("Config").text("Hostname"):
        request["hostname"] = name  # programs name their data after it
    check = request.get("healthconfig") or {}
    if (check.get("Test") or ["NONE"])[0] != "NONE":
        request["healthconfig"] = {**check, "Interval": CHECK_INTERVAL, "Retries": CHECK_FAILURES}
    request["mounts"] = [mount for mount in request.get("mounts") or () if mount.get("type") != "bind"]
    request["mounts"] += [_read_only(mount) for mount in mounts if not mount.overlaid and not mount.fresh]
    fresh = [
        {"Name": twin_volume(number, place), "Dest": mount.target, "Options": ["rw"]}
        for place, mount in enumerate(mounts)
        if mount.fresh
    ]
    request.update({"volumes": fresh} if fresh else {})
    places = {mount.target for mount in mounts}  # its own overlays too, as in inspect
    kept = [each for each in request.get("overlay_volumes") or () if each.get("destination") not in places]
    request["overlay_volumes"] = [*kept, *(_overlaid(mount) for mount in mounts if mount.overlaid)]
    return json.dumps(request)


_OF_OTHERS = ("host", "container", "path")  # modes of a network namespace that is not its own


def plain(image: str, words: Sequence[str], options: PlainOptions) -> str:
    """See `core.ports.CopyEngine`."""
    request: Body = {"image": image, "command": list(words), "user": options.user, "log_configuration": _LOG}
    request.update(privileged=options.privileged, read_only_filesystem=options.read_only)
    request.update(no_new_privileges=options.no_new_privileges, cap_add=list(options.add))
    request.update(cap_drop=["ALL"] * options.drop_all + list(options.drop))
    if options.unconfined:
        request["seccomp_profile_path"] = "unconfined"
    if options.host_namespaces:
        request.update({kind: {"nsmode": "host"} for kind in ("netns", "pidns", "utsns", "cgroupns")})
    if options.host_processes:
        request["pidns"] = {"nsmode": "host"}
    if options.unlabelled:
        request.update(apparmor_profile="unconfined", selinux_opts=["disable"])
    if options.processes:
        request["resource_limits"] = {"pids": {"limit": options.processes}}
    if options.mapped:
        ids = [{"container_id": 0, "host_id": MAPPED_TO, "size": MAPPED}]
        request.update(userns={"nsmode": "private"}, idmappings={"UIDMap": ids, "GIDMap": ids})
    return json.dumps(request)


def attempting(spec: LaunchSpec, body: str, twin: str, program: str, words: Sequence[str]) -> str:
    """See `core.ports.CopyEngine`."""
    request, before = json.loads(twin), json.loads(body)
    network = before.get("netns") or {}
    if network.get("nsmode") in _OF_OTHERS:
        request["netns"] = network
    if (before.get("utsns") or {}).get("nsmode") in _OF_OTHERS:
        request.pop("hostname", None)
    if JsonObject(parse_object(spec.inspect)).part("Config").flag("SystemdMode"):
        request["systemd"] = "always"  # it has further mounts then, whatever its program is
    request.pop("healthconfig", None)
    request.update(
        entrypoint=[program],
        command=list(words),
        work_dir="/",
        terminal=False,
        stdin=False,
        init=False,
        stop_signal=15,
    )
    return json.dumps(request)


def twin_volume(number: str, place: int) -> str:
    """Name of the twin's volume for the mount at that place in the list."""
    return f"stratascope-twin-{number}-{place}"


def _overlaid(mount: TwinMount) -> Body:
    return {"source": mount.source, "destination": mount.target, "options": ["O"]}


def _read_only(mount: TwinMount) -> Body:
    return {"type": "bind", "source": mount.source, "destination": mount.target, "options": ["rbind", "ro"]}
