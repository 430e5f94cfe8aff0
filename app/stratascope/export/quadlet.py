"""A Quadlet drop-in: what makes a unit's container as hard as wanted, merged over its `.container` file.

A list is begun anew by an empty assignment. What was given by `PodmanArgs=` can't be taken out of it without knowing
the rest, so it is contradicted: of an option that is said twice, Podman takes the last.
"""

from __future__ import annotations

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.run_options import RunMount, RunOptions
from stratascope.core.sanitize import plain
from stratascope.export.mounts import comma_separated
from stratascope.export.run import device_text, port_text
from stratascope.export.shared import capabilities, comment, file_name, has_profile, missing, one, title

_UNIT = "PODMAN_SYSTEMD_UNIT"
_LONG = {"volume-subpath": "subpath", "volume-nocopy": "nocopy"}  # Docker's words for Podman's
_SPECIAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render(options: RunOptions) -> str:
    """The drop-in, for Podman 5."""
    unsaid: list[Message] = []
    lines = ["[Container]"]
    _rights(options, lines, unsaid)
    _profiles(options, lines, unsaid)
    _storage(options, lines, unsaid)
    _limits(options, lines)
    unit = dict(options.labels).get(_UNIT, "").removesuffix(".service") or file_name(options)
    head = title(
        options,
        msg("To be saved as {unit}.container.d/50-stratascope.conf beside {unit}.container.", unit=unit),
    )
    head += [missing(each) for each in unsaid]
    if has_profile(options):
        head.append(
            comment(
                msg(
                    "Save the seccomp profile as {path} before, where %E is /etc or ~/.config: "
                    "export it with the kind seccomp.",
                    path=profile_path(options),
                )
            )
        )
    return "\n".join([*head, *lines]) + "\n"


def profile_path(options: RunOptions) -> str:
    """In the words of systemd.unit(5): %E is /etc, or ~/.config for a user's own units."""
    return f"%E/containers/{file_name(options)}-seccomp.json"


def word(text: str) -> str:
    """One word of a unit file: specifiers escaped, quoted where needed (systemd.syntax(7))."""
    escaped = text.replace("%", "%%")
    if escaped and not set(escaped) & set(" \t\n\r\"'\\;") and plain(escaped) == escaped:
        return escaped
    return '"' + "".join(map(_letter, escaped)) + '"'


def _letter(letter: str) -> str:
    """systemd knows C's escapes: what could act on a terminal is written as its bytes."""
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if plain(letter) == letter:
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))


def _args(lines: list[str], *words: str) -> None:
    lines.append("PodmanArgs=" + " ".join(map(word, words)))


def _anew(lines: list[str], key: str, values: list[str], changed: bool) -> None:
    if values or changed:
        lines.append(f"{key}=")
        lines.extend(f"{key}={value}" for value in values)


def _rights(options: RunOptions, lines: list[str], unsaid: list[Message]) -> None:
    before = options.before
    if options.user != before.user:
        user, _, group = options.user.partition(":")
        lines.append(f"User={word(user)}")
        lines.append(f"Group={word(group) if group else ''}")
    if options.privileged or before.privileged:
        _args(lines, f"--privileged={str(options.privileged).lower()}")
    add, drop = capabilities(options, EngineKind.PODMAN)
    _anew(lines, "DropCapability", [word(name) for name in drop], bool(before.cap_drop))
    _anew(lines, "AddCapability", [word(name) for name in add], bool(before.cap_add))
    for name, mode, was in (
        ("pid", options.pid, before.pid_mode),
        ("ipc", options.ipc, before.ipc_mode),
        ("uts", options.uts, before.uts_mode),
        ("cgroupns", options.cgroupns, before.cgroupns_mode),
    ):
        wanted = mode or "private"
        if wanted != (was or "private"):
            _args(lines, f"--{name}={wanted}")
    if options.asked.network_mode != before.network_mode:
        _anew(lines, "Network", [options.network.replace("%", "%%") if options.network else "bridge"], True)
    if options.asked.userns_mode != before.userns_mode or options.asked.uid_map != before.uid_map:
        if options.uid_map:
            lines.append("UserNS=")
            _anew(lines, "UIDMap", list(options.uid_map), True)
            _anew(lines, "GIDMap", list(options.gid_map), True)
        else:
            _anew(lines, "UIDMap", [], True)
            _anew(lines, "GIDMap", [], True)
            lines.append(f"UserNS={word(options.userns) if options.userns else 'host'}")
    if options.ports != before.ports:
        _anew(lines, "PublishPort", [port_text(port).replace("%", "%%") for port in options.ports], True)


def _profiles(options: RunOptions, lines: list[str], unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if options.no_new_privileges or before.no_new_privileges:
        lines.append(f"NoNewPrivileges={str(options.no_new_privileges).lower()}")
    if has_profile(options):
        lines.append(f"SeccompProfile={profile_path(options)}")
    elif options.seccomp and options.seccomp != "builtin":
        lines.append(f"SeccompProfile={word(options.seccomp)}")
    elif before.seccomp is not asked.seccomp:
        lines.append("SeccompProfile=")
    default = options.apparmor.startswith(("docker-default", "containers-default"))
    if options.apparmor and not default:
        _args(lines, f"--security-opt=apparmor={options.apparmor}")
    elif before.apparmor in (ProfileKind.UNCONFINED, ProfileKind.CUSTOM) and asked.apparmor is ProfileKind.DEFAULT:
        unsaid.append(msg("An AppArmor profile that PodmanArgs= names: take it out of there."))
    if "disable" in options.selinux or "disable" in before.selinux_options:
        lines.append(f"SecurityLabelDisable={str('disable' in options.selinux).lower()}")
    for label in options.selinux:
        name, _, value = label.partition(":")
        key = {"type": "Type", "level": "Level", "filetype": "FileType"}.get(name)
        if key:
            lines.append(f"SecurityLabel{key}={word(value)}")
        elif label != "disable":
            unsaid.append(one("security-opt", f"label={label}"))
    changed = before.masked_paths != asked.masked_paths or before.read_only_paths != asked.read_only_paths
    _once(lines, "Mask", options.mask, changed)
    _once(lines, "Unmask", options.unmask, changed)


def _once(lines: list[str], key: str, paths: tuple[str, ...], changed: bool) -> None:
    if paths or changed:
        lines.append(f"{key}=" + word(":".join(paths)) if paths else f"{key}=")


def _storage(options: RunOptions, lines: list[str], unsaid: list[Message]) -> None:
    before, asked = options.before, options.asked
    if options.read_only or before.read_only_root:
        lines.append(f"ReadOnly={str(options.read_only).lower()}")
        if options.read_only:
            lines.append(f"ReadOnlyTmpfs={str(options.read_only_tmpfs).lower()}")
    if before.mounts != asked.mounts:
        volumes: list[str] = []
        tmpfs: list[str] = []
        others: list[str] = []
        for mount in options.mounts:
            _sorted(mount, volumes, tmpfs, others)
        _anew(lines, "Volume", volumes, True)
        _anew(lines, "Tmpfs", tmpfs, True)
        _anew(lines, "Mount", others, True)
        unsaid.append(msg("Mounts that PodmanArgs= names: take them out of there."))
    if before.devices != asked.devices:
        devices = [word(device_text(each)) for each in options.devices]
        _anew(lines, "AddDevice", devices, True)


def _sorted(mount: RunMount, volumes: list[str], tmpfs: list[str], others: list[str]) -> None:
    words = ",".join((*(("ro",) if mount.read_only else ()), *mount.words))
    if mount.kind == "tmpfs" and not mount.long:
        tmpfs.append(f"{mount.target}:{words}".rstrip(":").replace("%", "%%"))
    elif mount.kind in ("bind", "volume", "overlay") and not mount.long and ":" not in mount.source + mount.target:
        source = f"{mount.source}:" if mount.source else ""
        volumes.append(f"{source}{mount.target}:{words}".rstrip(":").replace("%", "%%"))
    else:
        fields = [f"type={mount.kind}", *((f"src={mount.source}",) if mount.source else ()), f"dst={mount.target}"]
        if mount.kind == "image":
            fields.append(f"rw={str(not mount.read_only).lower()}")
        elif mount.read_only:
            fields.append("ro")
        named = [(_LONG.get(name, name), value) for name, value in mount.long if name != "type"]
        fields += [*mount.words, *(f"{name}={value}" if value else name for name, value in named)]
        others.append(comma_separated(fields).replace("%", "%%"))


def _limits(options: RunOptions, lines: list[str]) -> None:
    before, asked = options.before, options.asked
    if options.memory and options.memory != before.memory:
        _args(lines, f"--memory={options.memory}")
        if options.memory_swap:
            _args(lines, f"--memory-swap={options.memory_swap}")
    if options.cpus and asked.cpu_cores != before.cpu_cores:
        _args(lines, f"--cpus={options.cpus:.9g}")
    if options.pids > 0 and (options.pids != before.pids):
        lines.append(f"PidsLimit={options.pids}")
    chosen = [limit for limit in options.limits if limit not in before.limits]
    lines.extend(f"Ulimit={limit.name}={limit.soft}:{limit.hard}" for limit in chosen)
