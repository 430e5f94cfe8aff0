"""Write a Compose override with a service's hardened options, to be merged over its own file; or a whole service.

A container that Compose created has a file already, so only security options and limits are written, each list with
`!override` (else Compose appends). Any other container gets the whole service. `$` is doubled, since Compose expands
variables.
"""

from __future__ import annotations

import re

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.request import RunMount, RunOptions
from stratascope.core.options.table import FURTHER_NUMBERS, LIMITS, MODES, OPTIONS
from stratascope.core.options.values import CORES, device_text, port_text
from stratascope.formats.run.write import (
    health_times,
    known_words,
    log,
    network_known,
    profile_comment,
    profile_path,
    security_words,
)
from stratascope.formats.shared import (
    USUAL,
    capabilities,
    comment,
    file_name,
    has_profile,
    missing,
    one,
    restart_text,
    title,
    variables,
    withheld,
)
from stratascope.formats.yaml.write import Node, Tagged, document
from stratascope.value import replace

_SERVICE = "com.docker.compose.service"
_OF_DEPLOY = frozenset(("mem_limit", "cpus", "pids_limit"))


def render(options: RunOptions, secrets: bool) -> str:
    """The file's text. `!override` needs Compose 2.24 or newer."""
    service = dict(options.labels).get(_SERVICE, "")
    own = bool(service)
    unsaid: list[Message] = []
    said: Service = {}
    hidden: list[str] = []
    volumes: dict[str, Node] = {}
    networks: dict[str, Node] = {}
    if not own:
        hidden = whole_service(options, secrets, said, networks, unsaid)
    _rights(options, said, own, unsaid)
    _storage(options, said, volumes, own, unsaid)
    _limits(options, said, own)
    if own and not said:
        said["read_only"] = options.asked.read_only_root  # Compose refuses an empty service
    head = [
        *title(
            options,
            msg("On top of the Compose file of {name}: docker compose -f FILE -f THIS up -d", name=service)
            if own
            else msg("The container {name} as a Compose file, written by Stratascope.", name=options.name),
        ),
        *(
            [comment(msg("Requires Compose 2.24 or newer, which can replace lists instead of adding to them."))]
            if own
            else []
        ),
        *(missing(each) for each in unsaid),
        *withheld(hidden),
    ]
    if has_profile(options):
        head.append(profile_comment(options))
    top: dict[str, Node] = {"services": {service or file_name(options): _escaped(said)}}
    if volumes:
        top["volumes"] = _escaped(volumes)
    if networks:
        top["networks"] = _escaped(networks)
    return "\n".join(head) + "\n" + document(top)


def _escaped(value: Node) -> Node:
    """The value with each `$` in texts doubled; keys stay."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Tagged):
        return Tagged(value.tag, _escaped(value.value))
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value


def _list(values: list[Node], own: bool) -> Node:
    if own and not values:  # an empty list is no list to Compose 2.26, where a document follows that doesn't name it
        return Tagged("!reset", None)
    return Tagged("!override", values) if own else values


def _put(said: Service, key: str, values: list[Node], changed: bool, own: bool) -> None:
    """Put a list, if it has values or if earlier ones must be removed."""
    if values or (changed and own):
        said[key] = _list(values, own)


def _rights(options: RunOptions, said: Service, own: bool, unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if asked.user != before.user or (asked.user and not own):
        said["user"] = asked.user
    if asked.privileged or before.privileged:
        said["privileged"] = asked.privileged
    add, drop = capabilities(options, EngineKind.DOCKER)
    _put(said, "cap_drop", list(drop), bool(before.cap_drop), own)
    _put(said, "cap_add", list(add), bool(before.cap_add), own)
    # Compose splits at the first equals sign, else at a colon
    words: list[Node] = list(security_words(options, EngineKind.DOCKER, unsaid, f"./{profile_path(options)}"))
    _put(said, "security_opt", words, _security(options), own)
    modes = [(option.compose, getattr(asked, option.field), getattr(before, option.field)) for option in MODES]
    for key, mode, was in (*modes, ("userns_mode", options.userns, before.userns_mode)):
        if key != "ipc" and key != "cgroup" and mode in ("", "private"):
            if own and was not in ("", "private"):
                said[key] = Tagged("!reset", None)
        elif key == "userns_mode" and mode != "host":
            unsaid.append(one("userns", mode))
        elif mode:
            said[key] = mode
    if asked.network_mode != before.network_mode and own:
        said["network_mode"] = (
            Tagged("!reset", None) if options.network in ("", "private", "bridge") else options.network
        )
    unsaid.extend(one("uidmap", each) for each in options.uid_map)


def _security(options: RunOptions) -> bool:
    """Whether a security option is set now that the wanted options may lack."""
    before = options.before
    return bool(
        before.no_new_privileges
        or before.seccomp is not options.asked.seccomp
        or before.apparmor is not options.asked.apparmor
        or before.selinux_options
        or before.masked_paths != options.asked.masked_paths
        or before.privileged
    )


def _storage(options: RunOptions, said: Service, volumes: dict[str, Node], own: bool, unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if asked.read_only_root or before.read_only_root:
        said["read_only"] = asked.read_only_root
    changed = before.mounts != asked.mounts
    tmpfs: list[Node] = []
    mounted: list[Node] = []
    untold = unsaid if changed or not own else []
    for mount in options.mounts:
        if mount.kind not in ("bind", "volume", "tmpfs"):
            unsaid.append(msg("The {kind} mount at {path}.", kind=mount.kind, path=mount.target))
            continue
        words = known_words(mount, options, EngineKind.DOCKER, untold)
        if mount.kind == "tmpfs" and not mount.long:
            words = (*(("ro",) if mount.read_only else ()), *words)
            tmpfs.append(f"{mount.target}:{','.join(words)}" if words else mount.target)
        else:
            mounted.append(_mount(replace(mount, words=words), volumes if changed or not own else {}, untold))
    if changed or not own:
        _put(said, "tmpfs", tmpfs, changed, own)
        _put(said, "volumes", mounted, changed, own)
    if before.devices != asked.devices or not own:
        devices: list[Node] = [device_text(each) for each in options.devices]
        _put(said, "devices", devices, True, own)
    if own and before.device_rules and not asked.device_rules:
        _put(said, "device_cgroup_rules", [], True, own)
    if before.ports != asked.ports or not own:
        _put(said, "ports", [port_text(port) for port in options.ports], True, own)


def _mount(mount: RunMount, volumes: dict[str, Node], unsaid: list[Message]) -> Node:
    found: Service = {"type": mount.kind}
    if mount.source:
        found["source"] = mount.source
    if mount.kind == "volume" and mount.source:
        key = key_of(mount.source)
        found["source"] = key
        volumes[key] = {"external": True, "name": mount.source}
    found["target"] = mount.target
    if mount.read_only:
        found["read_only"] = True
    extra: Service = {}
    for word in mount.words:
        if word == "nocopy":
            extra["nocopy"] = True
        elif word in ("z", "Z"):
            extra["selinux"] = word
        elif word.removeprefix("r") in ("shared", "slave", "private"):
            extra["propagation"] = word
        elif word not in ("rbind", "bind"):
            unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=word))
    for name, value in mount.long:
        match name:
            case "bind-propagation":
                extra["propagation"] = value
            case "bind-recursive":
                extra["recursive"] = value
            case "volume-nocopy" | "nocopy":
                extra["nocopy"] = True
            case "volume-subpath" | "subpath":
                extra["subpath"] = value
            case "tmpfs-size":
                extra["size"] = int(value)
            case "tmpfs-mode":
                extra["mode"] = int(value, 8)
            case "type":
                pass
            case _:
                unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=name))
    if mount.kind == "volume":
        # Podman reports it for every volume
        extra.pop("propagation", None)
    if extra:
        found[mount.kind] = extra
    return found


def _limits(options: RunOptions, said: Service, own: bool) -> None:
    """Write limits in both places: Compose refuses a limit that differs from that in `deploy`.

    As soon as `deploy` names one limit, Compose treats those it does not name as unlimited: all limits in force are
    named.
    """
    before, asked = options.before, options.asked
    changed: Service = {}
    gone: list[str] = []
    for option in LIMITS:
        # the limit of swap is written and removed together with that of memory
        ruling = "memory" if option.name == "memory-swap" else option.field
        was, now, value = getattr(before, ruling), getattr(asked, ruling), getattr(asked, option.field)
        if now and value and (now != was or not own):
            changed[option.compose] = value
        elif own and was and not now:
            gone.append(option.compose)
    said |= changed
    said |= {key: Tagged("!reset", None) for key in gone}
    for option in FURTHER_NUMBERS if own else ():
        value = getattr(asked, option.field)
        if value is not None and value != getattr(before, option.field):
            said[option.compose] = value
    if own and asked.sysctls != before.sysctls:
        said["sysctls"] = dict(asked.sysctls)
    if own and _OF_DEPLOY.intersection((*changed, *gone)):
        memory = str(asked.memory or "")
        cpus = CORES.text(asked.cpu_cores) if asked.cpu_cores else ""
        limits: Service = {"memory": memory, "cpus": cpus, "pids": asked.pids}
        named: Service = {name: value for name, value in limits.items() if value}
        said["deploy"] = {"resources": {"limits": Tagged("!override", named) if gone else named}}
    chosen = [limit for limit in asked.limits if limit not in before.limits or not own]
    if chosen:
        said["ulimits"] = {limit.name: {"soft": limit.soft, "hard": limit.hard} for limit in chosen}


# -- keys of a whole service only

_LABELS = "com.docker.compose."
_EXTENSION = "x-"  # prefix of keys that Compose treats as extensions, in mappings of labels and variables too
_UNNAMED = re.compile(r"[^a-zA-Z0-9._-]+")
# security-opt is written with the profiles; volumes_from names services, not containers
_ELSEWHERE = frozenset(("security-opt", "volumes-from"))
_KEYS = {option.name: option for option in OPTIONS if option.compose and option.name not in _ELSEWHERE}
Service = dict[str, Node]


def key_of(name: str) -> str:
    """The file's key for a volume or network of that name: `x-…` would be an extension."""
    key = _UNNAMED.sub("-", name)
    return f"_{key}" if key.startswith(_EXTENSION) else key


def _named(option: str, values: dict[str, Node], unsaid: list[Message]) -> Node:
    """The values as a mapping, or as a list of NAME=VALUE if Compose would treat one of the names as an extension."""
    if not any(name.startswith(_EXTENSION) for name in values):
        return values
    unsaid.extend(one(option, f"{name}={value}") for name, value in values.items() if "=" in name)
    pairs = [(name, value) for name, value in values.items() if "=" not in name]
    return [name if value is None else f"{name}={value}" for name, value in pairs]


def whole_service(
    options: RunOptions, secrets: bool, said: Service, networks: dict[str, Node], unsaid: list[Message]
) -> list[str]:
    """Write all options into `said`; returns the variables whose values are left out."""
    said["image"] = options.image
    said["container_name"] = options.name
    if options.entrypoint is not None:
        said["entrypoint"] = list(options.entrypoint)
    if options.command:
        said["command"] = list(options.command)
    # None: taken from the environment of Compose
    environment: dict[str, Node] = dict(variables(options, secrets))
    labels: dict[str, Node] = {name: value for name, value in options.labels if not name.startswith(_LABELS)}
    rest: tuple[tuple[str, Node], ...] = (
        ("environment", _named("env", environment, unsaid)),
        ("labels", _named("label", labels, unsaid)),
        ("annotations", _named("annotation", dict(options.annotations), unsaid)),
        ("sysctls", _named("sysctl", dict(options.sysctls), unsaid)),
        ("group_add", list(options.asked.groups)),
        ("dns", list(options.dns)),
        ("dns_search", list(options.dns_search)),
        ("dns_opt", list(options.dns_options)),
        ("extra_hosts", list(options.hosts)),
        ("working_dir", options.workdir),
        ("hostname", options.hostname),
        ("domainname", options.domainname),
        ("stop_signal", options.stop_signal),
        ("tty", options.tty),
        ("stdin_open", options.stdin),
        ("init", options.init),
        ("shm_size", options.asked.shm_size),
        ("mem_reservation", options.memory_reservation),
    )
    said |= {key: item for key, item in rest if item}
    if restart := restart_text(options):
        said["restart"] = restart
    if options.stop_timeout is not None:
        said["stop_grace_period"] = f"{options.stop_timeout}s"
    if options.network and network_known(options.network, options.kind, EngineKind.DOCKER):
        said["network_mode"] = options.network
    elif options.network not in ("", "private"):
        unsaid.append(one("network", options.network))
    elif options.networks:
        said["networks"] = _networks(options, networks)
    if options.health is not None:
        times = {name.replace("-", "_"): duration_ for name, duration_ in health_times(options.health)}
        retried: Service = {"retries": options.health.retries} if options.health.retries else {}
        disabled = options.health.test == ("NONE",)
        said["healthcheck"] = {"disable": True} if disabled else {"test": list(options.health.test), **times, **retried}
    driver, log_options = log(options, EngineKind.DOCKER, unsaid)
    if driver:
        said["logging"] = {"driver": driver, "options": dict(log_options)}
    _further(options, said, unsaid)
    return [name for name, value in environment.items() if value is None]


def _further(options: RunOptions, said: Service, unsaid: list[Message]) -> None:
    """Write options that are kept as typed (`RunOptions.shared`, `own`), if Compose has a key for them."""
    lists: dict[str, list[Node]] = {}
    for name, value in (*options.shared, *options.own):
        option = _KEYS.get(name)
        if option is not None and option.many:
            lists.setdefault(option.compose, []).append(value)
        elif option is not None:
            said[option.compose] = option.form.read(value)
            if said[option.compose] is None:
                raise ValueError(f"--{name} {value}")
        elif (name, value) not in USUAL:
            unsaid.append(one(name, value))
    said.update(lists)


def _networks(options: RunOptions, networks: dict[str, Node]) -> Node:
    joined: dict[str, Node] = {}
    for endpoint in options.networks:
        if endpoint.network in ("bridge", "podman"):
            joined["default"] = None  # the engine's default network, whose name Compose does not accept
            continue
        key = key_of(endpoint.network)
        networks[key] = {"external": True, "name": endpoint.network}
        found: Service = {}
        if endpoint.aliases:
            found["aliases"] = list(endpoint.aliases)
        for address in endpoint.addresses:
            found["ipv6_address" if ":" in address else "ipv4_address"] = address
        if endpoint.mac:
            found["mac_address"] = endpoint.mac
        joined[key] = found or None
    return joined
