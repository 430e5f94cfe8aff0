"""Write a Quadlet drop-in with a container's hardened options, merged over its `.container` file.

An empty assignment resets a list. Options given by `PodmanArgs=` can't be removed without knowing the rest, so they
are overridden: Podman takes the last of repeated options.
"""

from __future__ import annotations

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.options.request import RunMount, RunOptions
from stratascope.core.options.table import FURTHER_NUMBERS, LIMITS, MODES, Option
from stratascope.core.options.values import LIMIT, device_text, port_text
from stratascope.formats.quadlet.unit import LATER, ContainerSection, is_plain
from stratascope.formats.run.write import comma_separated
from stratascope.formats.shared import (
    capabilities,
    comment,
    file_name,
    has_profile,
    is_default_apparmor,
    missing,
    one,
    title,
)

_UNIT = "PODMAN_SYSTEMD_UNIT"
_LONG = {"volume-subpath": "subpath", "volume-nocopy": "nocopy"}  # Podman's names for Docker's mount options


def render(options: RunOptions) -> str:
    """The drop-in, for Podman 5. Raises NoNotationError."""
    unsaid: list[Message] = []
    unit = ContainerSection()
    _rights(options, unit)
    _profiles(options, unit, unsaid)
    _storage(options, unit, unsaid)
    _limits(options, unit)
    name = dict(options.labels).get(_UNIT, "").removesuffix(".service") or file_name(options)
    head = title(
        options,
        msg("Save as {unit}.container.d/50-stratascope.conf beside {unit}.container.", unit=name),
    )
    head += [missing(each) for each in unsaid]
    if has_profile(options):
        head.append(
            comment(
                msg(
                    "First save its seccomp profile as {path} (--as seccomp), where %E is /etc or ~/.config.",
                    path=profile_path(options),
                )
            )
        )
    return "\n".join([*head, *unit.lines]) + "\n"


def profile_path(options: RunOptions) -> str:
    """The profile's path with a specifier of systemd.unit(5): %E is /etc, or ~/.config for user units."""
    return f"%E/containers/{file_name(options)}-seccomp.json"


def _rights(options: RunOptions, unit: ContainerSection) -> None:
    before, asked = options.before, options.asked
    if asked.user != before.user:
        _user(asked.user, unit)
    if asked.privileged or before.privileged:
        unit.option("--privileged=", str(asked.privileged).lower())
    add, drop = capabilities(options, EngineKind.PODMAN)
    for key, option, names, had in (
        ("DropCapability", "--cap-drop=", drop, before.cap_drop),
        ("AddCapability", "--cap-add=", add, before.cap_add),
    ):
        if names or had:
            unit.replace_list(key, option, names)
    for each in MODES:
        wanted = getattr(asked, each.field) or "private"
        if wanted != (getattr(before, each.field) or "private"):
            unit.option(f"--{each.name}=", wanted)
    if asked.network_mode != before.network_mode:
        unit.replace_list("Network", "--network=", [options.network or "bridge"])
    if asked.userns_mode != before.userns_mode or asked.uid_map != before.uid_map:
        if options.uid_map:
            unit.put("UserNS")
        unit.replace_list("UIDMap", "--uidmap=", options.uid_map)
        unit.replace_list("GIDMap", "--gidmap=", options.gid_map if options.uid_map else ())
        if not options.uid_map:
            unit.set("UserNS", "--userns=", options.userns or "host")
    if options.ports != before.ports:
        unit.replace_list("PublishPort", "--publish=", map(port_text, options.ports))


def _user(text: str, unit: ContainerSection) -> None:
    """Write User= and Group=; Group= without User= is an error."""
    user, colon, group = text.partition(":")
    together = not text or (is_plain(user) and (not colon or is_plain(group)))
    unit.put("User", user if together else "")
    unit.put("Group", group if together else "")
    if not together:
        unit.option("--user=", text)


def _profiles(options: RunOptions, unit: ContainerSection, unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if asked.no_new_privileges or before.no_new_privileges:
        unit.flag("NoNewPrivileges", asked.no_new_privileges)
    if has_profile(options):
        unit.put("SeccompProfile", profile_path(options))
    elif options.seccomp and options.seccomp != "builtin":
        unit.set("SeccompProfile", "--security-opt=seccomp=", options.seccomp)
    elif before.seccomp is not asked.seccomp:
        unit.put("SeccompProfile")
    if options.apparmor and not is_default_apparmor(options.apparmor):
        unit.option("--security-opt=apparmor=", options.apparmor)
    elif before.apparmor in (ProfileKind.UNCONFINED, ProfileKind.CUSTOM) and asked.apparmor is ProfileKind.DEFAULT:
        unsaid.append(msg("An AppArmor profile that PodmanArgs= names: remove it there."))
    if "disable" in asked.selinux_options or "disable" in before.selinux_options:
        unit.flag("SecurityLabelDisable", "disable" in asked.selinux_options)
    for label in asked.selinux_options:
        name, _, value = label.partition(":")
        key = {"type": "Type", "level": "Level", "filetype": "FileType"}.get(name)
        if key and value:
            unit.set(f"SecurityLabel{key}", f"--security-opt=label={name}:", value)
        elif label != "disable":
            unsaid.append(one("security-opt", f"label={label}"))
    changed = before.masked_paths != asked.masked_paths or before.read_only_paths != asked.read_only_paths
    for key, paths in (("Mask", options.mask), ("Unmask", options.unmask)):
        if paths:
            unit.set(key, f"--security-opt={key.lower()}=", ":".join(paths))
        elif changed:
            unit.put(key)


def _storage(options: RunOptions, unit: ContainerSection, unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if asked.read_only_root or before.read_only_root:
        unit.flag("ReadOnly", asked.read_only_root)
        if asked.read_only_root:
            unit.flag("ReadOnlyTmpfs", options.read_only_tmpfs)
    if before.mounts != asked.mounts:
        volumes: list[str] = []
        tmpfs: list[str] = []
        others: list[str] = []
        for mount in options.mounts:
            _sorted(mount, volumes, tmpfs, others)
        unit.replace_list("Volume", "--volume=", volumes)
        unit.replace_list("Tmpfs", "--tmpfs=", tmpfs)
        unit.put("Mount")
        for text in others:  # never by the key: Quadlet interprets its source
            unit.option("--mount=", text)
        unsaid.append(msg("Mounts that PodmanArgs= names: remove them there."))
    if before.devices != asked.devices:
        unit.replace_list("AddDevice", "--device=", map(device_text, options.devices))


def _sorted(mount: RunMount, volumes: list[str], tmpfs: list[str], others: list[str]) -> None:
    words = ",".join((*(("ro",) if mount.read_only else ()), *mount.words))
    if mount.kind == "tmpfs" and not mount.long:
        tmpfs.append(f"{mount.target}:{words}".rstrip(":"))
    elif mount.kind in ("bind", "volume", "overlay") and not mount.long and ":" not in mount.source + mount.target:
        source = f"{mount.source}:" if mount.source else ""
        volumes.append(f"{source}{mount.target}:{words}".rstrip(":"))
    else:
        fields = [f"type={mount.kind}", *((f"src={mount.source}",) if mount.source else ()), f"dst={mount.target}"]
        if mount.kind == "image":
            fields.append(f"rw={str(not mount.read_only).lower()}")
        elif mount.read_only:
            fields.append("ro")
        named = [(_LONG.get(name, name), value) for name, value in mount.long if name != "type"]
        fields += [*mount.words, *(f"{name}={value}" if value else name for name, value in named)]
        others.append(comma_separated(fields))


def _limits(options: RunOptions, unit: ContainerSection) -> None:
    before, asked = options.before, options.asked
    for gone, option in ((gone, option) for gone in (False, True) for option in LIMITS):
        # the limit of swap is written and removed together with that of memory
        ruling = "memory" if option.name == "memory-swap" else option.field
        was, now, value = getattr(before, ruling), getattr(asked, ruling), getattr(asked, option.field)
        if gone and was and not now:  # it stays in force unless overridden: 0 means no limit
            _limit(option, "-1" if option.name == "pids-limit" else "0", unit)
        elif not gone and value and now and now != was:
            _limit(option, option.form.text(value), unit)
    for option in FURTHER_NUMBERS:
        value = getattr(asked, option.field)
        if value is not None and value != getattr(before, option.field):
            _limit(option, option.form.text(value), unit)
    for name, value in asked.sysctls:
        if (name, value) not in before.sysctls:
            unit.add("Sysctl", "--sysctl=", f"{name}={value}")
    for limit in asked.limits:
        if limit not in before.limits:
            unit.add("Ulimit", "--ulimit=", LIMIT.text(limit))


def _limit(option: Option, value: str, unit: ContainerSection) -> None:
    if option.quadlet and option.quadlet not in LATER:
        unit.put(option.quadlet, value)
    else:
        unit.option(f"--{option.name}=", value)
