"""Which options to remove, add or change to turn one request into another. Pure.

In the options of `run`, whatever the file format; each format writes them its own way (`formats/*/edit.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.container import Asked, AskedMount, Engine, ProfileKind
from stratascope.core.message import Message
from stratascope.core.options.given import GivenOption
from stratascope.core.options.mounts import MountError, of_mount, of_tmpfs, of_volume
from stratascope.core.options.rules import security_option
from stratascope.core.options.table import NAMED, NUMBERS, OPTIONS
from stratascope.core.options.values import FLAG, LIMIT, capability, device_text
from stratascope.value import Value

_MODES = tuple(NAMED[name] for name in ("pid", "ipc", "uts", "network", "userns", "cgroupns"))
_MOUNTS = frozenset(("volume", "mount", "tmpfs"))


class Change(Value):
    """One change. `old`: the option to remove, None for an addition; `name`, `value`: the new option, "" for none."""

    old: GivenOption | None
    name: str = ""
    value: str = ""


class UnwritableError(Exception):
    """A change that this file format can't express. `why`: the reason; None: the place to write it was not found."""

    def __init__(self, what: str, why: Message | None = None) -> None:
        super().__init__(what)
        self.why = why


def changes(said: tuple[GivenOption, ...], before: Asked, after: Asked, engine: Engine) -> tuple[Change, ...]:
    """The changes that lead from the current options `before` to the wanted ones `after`; `said`: those in the file."""
    found = [
        *_flags(said, before, after),
        *_capabilities(said, before, after),
        *_security(said, before, after),
        *_modes(said, before, after),
        *_mounts(said, before, after, engine),
        *_devices(said, before, after),
        *_limits(said, before, after),
    ]
    return tuple(found)


def _of(said: tuple[GivenOption, ...], *names: str) -> list[GivenOption]:
    return [each for each in said if each.name in names]


def _set(said: tuple[GivenOption, ...], name: str, value: str) -> Iterator[Change]:
    """Set an option with one value: change its last occurrence and remove earlier ones."""
    there = _of(said, name)
    yield from (Change(each) for each in there[:-1])
    yield Change(there[-1] if there else None, name, value)


def _flags(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    for option in OPTIONS:
        if option.form is not FLAG or not option.field:
            continue
        was, now = getattr(before, option.field), getattr(after, option.field)
        if was and not now:
            yield from (Change(each) for each in _of(said, option.name))
        elif now and not was:
            yield from _set(said, option.name, "true")
    if before.user != after.user and after.user:
        yield from _set(said, "user", after.user)


def _capabilities(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    for name, was, now in (("cap-add", before.cap_add, after.cap_add), ("cap-drop", before.cap_drop, after.cap_drop)):
        if was == now:
            continue
        there: set[str] = set()
        for each in _of(said, name):
            words = [capability(word) for word in (each.value or "").split(",")]
            kept = [word for word in words if word in now]
            there.update(kept)
            if not kept:
                yield Change(each)
            elif kept != words:
                yield Change(each, name, ",".join(word.removeprefix("CAP_") for word in kept))
        yield from (Change(None, name, word.removeprefix("CAP_")) for word in now if word not in there)


def _security(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    gone = []
    if before.no_new_privileges != after.no_new_privileges:
        gone.append("no-new-privileges")
        if after.no_new_privileges:
            yield Change(None, "security-opt", "no-new-privileges")
    for name, was, now in (("seccomp", before.seccomp, after.seccomp), ("apparmor", before.apparmor, after.apparmor)):
        if was is not now:
            if now is ProfileKind.CUSTOM:
                raise UnwritableError(name)
            gone.append(name)
    if before.selinux_options != after.selinux_options:
        gone.append("label")
        yield from (Change(None, "security-opt", f"label={word}") for word in after.selinux_options)
    if before.masked_paths != after.masked_paths or before.unmasked != after.unmasked:
        gone += ["systempaths", "unmask"]
    for each in _of(said, "security-opt"):
        if security_option(each.value or "")[0] in gone:
            yield Change(each)


def _modes(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    for option in _MODES:
        name, was, now = option.name, getattr(before, option.field), getattr(after, option.field)
        if was == now:
            continue
        there = _of(said, name)
        if now in ("private", "", "bridge") and there:
            yield from (Change(each) for each in there)
            if name in ("ipc", "cgroupns") and now == "private":  # not the default everywhere
                yield Change(None, name, now)
        elif now:
            yield from _set(said, name, now)


def _mounts(said: tuple[GivenOption, ...], before: Asked, after: Asked, engine: Engine) -> Iterator[Change]:
    was, now = ({mount.target: mount for mount in asked.mounts} for asked in (before, after))
    for each in said:
        if each.name not in _MOUNTS:
            continue
        mount = _mount(each, engine)
        if mount is None or mount.target not in was:
            continue
        wanted = now.get(mount.target)
        if wanted is None:
            yield Change(each)
        elif was[mount.target].writable and not wanted.writable:
            yield Change(each, each.name, _read_only(each))
    for target, mount in now.items():
        if target not in was:
            if mount.kind != "tmpfs":
                raise UnwritableError(target)
            yield Change(None, "tmpfs", f"{target}:{mount.options}" if mount.options else target)


def _mount(each: GivenOption, engine: Engine) -> AskedMount | None:
    value = each.value or ""
    try:
        if each.name == "tmpfs":
            return of_tmpfs(value)
        return of_volume(value, "/", engine) if each.name == "volume" else of_mount(value, "/", engine)
    except MountError:
        return None


def _read_only(each: GivenOption) -> str:
    value = each.value or ""
    if each.name == "mount":
        return f"{value},readonly"
    parts = value.split(":")
    if each.name == "tmpfs":
        return f"{value},ro" if len(parts) > 1 else f"{value}:ro"
    words = [word for word in parts[2].split(",") if word != "rw"] if len(parts) > 2 else []
    return ":".join([*parts[:2], ",".join(["ro", *words])])


def _devices(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    for option in map(NAMED.__getitem__, ("device", "device-cgroup-rule", "sysctl")):
        was, now = getattr(before, option.field), getattr(after, option.field) or ()
        if was != now:
            there = _of(said, option.name)
            yield from (Change(each) for each in there if option.form.read(each.value or "") not in now)
    for device in after.devices:
        if device not in before.devices:
            short = device.permissions == "rwm" and device.source == device.target
            yield Change(None, "device", device.source if short else device_text(device))


def _limits(said: tuple[GivenOption, ...], before: Asked, after: Asked) -> Iterator[Change]:
    for option in NUMBERS:
        now = getattr(after, option.field)
        if now != getattr(before, option.field) and (now or not option.form.limit):
            if option.name == "cpus":
                yield from (Change(each) for each in _of(said, "cpu-quota", "cpu-period"))
            yield from _set(said, option.name, option.form.typed(now))
    if before.ports != after.ports:
        addresses = {port.host_ip for port in after.ports}
        for each in _of(said, "publish"):
            address, colon, rest = (each.value or "").rpartition(":")
            address, more, outside = address.rpartition(":") if colon else ("", "", "")
            if not more or address.strip("[]") not in addresses:
                own = "[::1]" if ":" in address else "127.0.0.1"
                yield Change(each, "publish", f"{own}:{outside}:{rest}")
    for limit in after.limits:
        if limit not in before.limits:
            there = next(
                (each for each in _of(said, "ulimit") if (each.value or "").startswith(f"{limit.name}=")), None
            )
            yield Change(there, "ulimit", LIMIT.text(limit))
