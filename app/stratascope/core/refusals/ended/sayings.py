"""A sentence of an engine, a runtime or a program's log: what it means, whether that can be, and what would help. Pure.

The container's options stand for what the kernel would say: nothing runs any more that could be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message
from stratascope.core.refusals.ended.complaints import in_line, of_kernel_files
from stratascope.core.refusals.refusal import Claim, Strength
from stratascope.core.relaunch.want import (
    HeldCapability,
    LooserMount,
    MoreOf,
    Network,
    RunsAs,
    Setting,
    Want,
    WritablePlace,
)
from stratascope.value import Value, replace

Found = dict[str, str]
Wants = Callable[[Asked, Found], tuple[Want, ...]]
Fits = Callable[[Asked, Found], bool]
_FIELDS = re.compile(r"\{(\w+)\}")
_NUMBERED = re.compile(r"\d+$")


def nothing(asked: Asked, found: Found) -> tuple[Want, ...]:
    """No option that we know would help."""
    return ()


class Saying(Value):
    """`pattern`: without regard to case; its named groups fill the fields of `text`, digits at their ends left out.
    `path` is the one beside it where no group is called so, `lacking` the capabilities that are wanted. `wants`: by
    what was found. `fits`: whether it can be so with these options.
    """

    pattern: str
    layer: str
    text: Message
    wants: Wants = nothing
    fits: Fits = lambda asked, found: True


def claim_of(saying: Saying, text: str, asked: Asked, strength: Strength) -> Claim | None:
    """What the sentence means, where the text has it."""
    sought = re.compile(saying.pattern, re.IGNORECASE)
    match = sought.search(text)
    if match is None:
        return None
    found = {_NUMBERED.sub("", name): value for name, value in match.groupdict().items() if value}
    if "path" not in found and (line := in_line(text, sought)) is not None and line.path:
        found["path"] = line.path
    if not saying.fits(asked, found):
        return None
    wants = saying.wants(asked, found)
    lacking = [name.removeprefix("CAP_") for want in wants if isinstance(want, HeldCapability) for name in want.names]
    return Claim(saying.layer, filled(saying.text, {**found, "lacking": ", ".join(lacking)}), strength, wants)


def first(sayings: Sequence[Saying], text: str, asked: Asked, strength: Strength) -> Claim | None:
    """The first of them that the text has."""
    for saying in sayings:
        claim = claim_of(saying, text, asked, strength)
        if claim is not None:
            return claim
    return None


def filled(text: Message, found: Found) -> Message:
    """The sentence with what was found; a field for which nothing was is a question mark."""
    had = dict(text.args)
    names = _FIELDS.findall(text.id)
    return replace(text, args=tuple((name, found.get(name) or had.get(name, "?")) for name in names)) if names else text


# -- what the options rule out, and what they would have to be

_ROOT = ("", "0", "root")
_OF_KERNEL = ("/proc/", "/sys/")


def starts_as_root(asked: Asked) -> bool:
    """Whether it is root inside; so where nothing else is asked for."""
    return asked.user.partition(":")[0] in _ROOT


def uid(asked: Asked) -> int | None:
    """As whom it starts; None where that is a name, whose number only its image knows."""
    word = asked.user.partition(":")[0]
    return 0 if word in _ROOT else int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def holds(asked: Asked, name: str) -> bool:
    """Whether it starts with that capability, as far as is known: an ordinary user holds none."""
    return starts_as_root(asked) and (asked.privileged or asked.capabilities is None or name in asked.capabilities)


# -- capabilities


def lacks_one(names: tuple[str, ...]) -> Fits:
    """Whether it does not hold all of these."""
    return lambda asked, found: not all(holds(asked, name) for name in names)


def rights(names: tuple[str, ...]) -> Wants:
    """Those that it does not hold."""
    return lambda asked, found: (
        HeldCapability(tuple(name for name in names if not holds(asked, name)) or names, uid(asked)),
    )


def port_rights(asked: Asked, found: Found) -> tuple[Want, ...]:
    """What lets it listen below 1024."""
    return (
        HeldCapability(("CAP_NET_BIND_SERVICE",), uid(asked)),
        Setting("net.ipv4.ip_unprivileged_port_start", found.get("port", "0")),
    )


def root_without_files(asked: Asked, found: Found) -> bool:
    """Whether it is root, and owner and mode of files count for it all the same."""
    return starts_as_root(asked) and not holds(asked, "CAP_DAC_OVERRIDE")


def as_other(asked: Asked, found: Found) -> bool:
    """Whether it is another user than root."""
    return not starts_as_root(asked)


def to_root(asked: Asked, found: Found) -> tuple[Want, ...]:
    """What makes it root."""
    return () if starts_as_root(asked) else (RunsAs(0),)


# -- limits


def limited(what: str) -> Fits:
    """Whether it was given such a limit: pids, memory."""

    def fits(asked: Asked, found: Found) -> bool:
        if what == "memory":
            return asked.memory is not None
        return asked.pids is not None or _limit(asked, "nproc") is not None

    return fits


def more_pids(asked: Asked, found: Found) -> tuple[Want, ...]:
    """The smaller of what its control group and its user may have."""
    user = _limit(asked, "nproc")
    if asked.pids is not None and (user is None or asked.pids <= user):
        return (MoreOf("pids", asked.pids),)
    return () if user is None else (MoreOf("nproc", user),)


def more_memory(asked: Asked, found: Found) -> tuple[Want, ...]:
    """Where it has a limit."""
    return () if asked.memory is None else (MoreOf("memory", asked.memory),)


def more_of(what: str) -> Wants:
    """Of a limit of its processes, by its name in `--ulimit`; and of shm."""
    path = "/dev/shm" if what == "shm" else ""
    return lambda asked, found: (MoreOf(what, _limit(asked, what), path),)


def _limit(asked: Asked, what: str) -> int | None:
    return next((each.soft for each in asked.limits if each.name == what), None)


# -- places and networks


def of_kernel(asked: Asked, found: Found) -> bool:
    """Whether it is about /proc or /sys."""
    return of_kernel_files(found.get("path", ""))


def on_read_only_mount(asked: Asked, found: Found) -> bool:
    """Whether it is about a mount that may not be written to."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.target == place and not mount.writable for mount in asked.mounts)


def on_root(asked: Asked, found: Found) -> bool:
    """Whether its root directory is read-only, and the path is in it or not said."""
    return asked.read_only_root and mount_of(asked, found.get("path", "")) == "/"


def on_root_said(asked: Asked, found: Found) -> bool:
    """The same of a path that is said."""
    return "path" in found and on_root(asked, found)


def writable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """That path, made writable."""
    path = found.get("path", "")
    return (WritablePlace(path, mount_of(asked, path)),) if path else ()


def mount_of(asked: Asked, path: str) -> str:
    """Of the mounts that it asked for, and the engine's own of the kernel's files, the one that the path lies on."""
    if path.startswith(_OF_KERNEL):
        places = [*(asked.read_only_paths or ()), "/proc", "/sys"]
    else:
        places = [mount.target.rstrip("/") for mount in asked.mounts]
    return max((place for place in places if place and (path == place or path.startswith(f"{place}/"))),
               key=len, default="/")  # fmt: skip


def on_noexec(asked: Asked, found: Found) -> bool:
    """Whether it is about a file system in memory, from which no program may be run where nobody asked for that."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.kind == "tmpfs" and mount.target.rstrip("/") == place and "exec" not in mount.options.split(",")
               for mount in asked.mounts)  # fmt: skip


def runnable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """That path, where programs may be run."""
    path = found.get("path", "")
    return (LooserMount(path, mount_of(asked, path), "exec"),)


def no_network(asked: Asked, found: Found) -> bool:
    """Whether it has none at all."""
    return asked.network_mode == "none"


def network(asked: Asked, found: Found) -> tuple[Want, ...]:
    """One, where it has none."""
    return (Network(),) if no_network(asked, found) else ()
