"""The toggles of layer 1 for sandboxes that no engine starts: what their maker would hide, or keep from being written.

What there is to hide was looked at (`core.reach`). A folder's path ends with a slash: over it lies an empty folder,
over a file nothing that can be read. An engine's containers have what was mounted for them, and other toggles for it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import Message, msg
from stratascope.core.reach.row import Answer, Group, ReachRow
from stratascope.core.relaunch.toggle import Cure, Evidence, Proof, Proven, Subject, Toggle, ToggleError, Unit, Use
from stratascope.core.sandboxes.lines import NULL
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.mounts import deciding
from stratascope.layers.shared.signs_of_use import evidence, path_used, path_written
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset, only
from stratascope.linux.mounts import Mount
from stratascope.value import replace

_LAYER, _SOURCE = "namespaces", "@mountinfo"
_MOST = 12  # rows of a plan
_ENGINES = ("docker-socket", "podman-socket", "containerd-socket", "machine-sockets", "systemd-private")
_HOOKS = "/.git/hooks"  # what lies there runs outside, the next time that somebody uses Git


def _paths(value: str) -> list[str]:
    return [each for each in value.split(",") if each]


def _check(value: str, subject: Subject) -> str:
    if subject.container.sandbox is None:
        raise ToggleError(msg("An engine started it: leave out what is mounted for it instead."))
    for path in (paths := _paths(value)):
        slash = "/" * path.endswith("/")
        if (
            path != posixpath.normpath(path) + slash
            or not path.startswith("/")
            or path == "/"
            or not path.isprintable()
        ):
            raise ToggleError(msg("Give the path of a file, or of a folder with a slash at its end, not {value}.",
                                  value=path))  # fmt: skip
    if not paths:
        return only("PATH")(value, subject)
    return ",".join(dict.fromkeys(paths))


def _mounted(asked: Asked, new: Iterator[AskedMount]) -> Asked:
    targets = {mount.target for mount in asked.mounts if not mount.writable}
    more = tuple(mount for mount in new if mount.target not in targets)
    return replace(asked, mounts=(*asked.mounts, *more)) if more else asked


def _hidden(path: str) -> AskedMount:
    if path.endswith("/"):
        return AskedMount("tmpfs", "", path.rstrip("/"), writable=False)
    return AskedMount("bind", NULL, path, writable=False)


def _locked(path: str) -> AskedMount:
    return AskedMount("bind", path, path, writable=False)


def _rows(subject: Subject) -> tuple[ReachRow, ...]:
    return () if subject.container.sandbox is None else subject.reached or ()


def _to_hide(subject: Subject) -> tuple[str, ...]:
    """What it gets at, the worst first."""
    rows = sorted((row for row in _rows(subject) if row.answer is Answer.OPEN), key=lambda row: row.rank)
    return tuple(dict.fromkeys(path for row in rows for path in row.hides if "," not in path))[:_MOST]


def _to_lock(subject: Subject) -> tuple[str, ...]:
    found = []
    for row in _rows(subject):
        if row.thing.id == "project" and row.answer is Answer.NEEDED:
            found += [folder.rstrip("/") + _HOOKS for folder in row.folders]
        elif row.thing.id == "home-write" and row.answer is Answer.OPEN:
            found += row.folders
    facts = _facts(subject)
    view = None if facts is None else facts.mounts
    kept = [path for path in found if view is None or not _is_read_only(path, view.seen)]
    return tuple(path for path in dict.fromkeys(kept) if "," not in path)[:_MOST]


def _facts(subject: Subject) -> NamespacesFacts | None:
    facts: NamespacesFacts | None = subject.of(_LAYER)
    return facts


def _is_read_only(path: str, mounts: tuple[Mount, ...]) -> bool:
    over = deciding(path, mounts)
    return over is not None and "ro" in over.options.split(",")


def _shut(value: str, subject: Subject) -> tuple[str, ...]:
    """Those of which nothing else is left."""
    gone = set(_paths(value))
    return tuple(row.thing.id for row in _rows(subject) if row.hides and gone.issuperset(row.hides))


def _lies_under(path: str, mounts: tuple[Mount, ...]) -> bool:
    """Whether something else lies over it."""
    over = deciding(path.rstrip("/"), mounts)
    return over is not None and (over.fs_type == "tmpfs" or over.root == "/null") and over.target != "/"


def _prover(
    holds: Callable[[str, tuple[Mount, ...]], bool], expected: Message, yes: Message, no: Message
) -> Callable[[NamespacesFacts | None, str, Subject], Proof]:
    def prove(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
        view = None if facts is None else facts.mounts
        if view is None:
            return Proof(Proven.UNKNOWN, expected, NOT_READ, _SOURCE)
        held = all(holds(path, view.seen) for path in _paths(value))
        return Proof(Proven.ENFORCED if held else Proven.NOT_ENFORCED, expected, yes if held else no, _SOURCE)

    return prove


def _reading(value: str, subject: Subject) -> Evidence:
    paths = [path.rstrip("/") for path in _paths(value)]
    sign = next((found for path in paths if (found := path_used(path, subject)) is not None), None)
    found = evidence(sign, subject, "reached", places=paths)
    rows = [row for row in _rows(subject) if any(path in row.hides for path in _paths(value))]
    spare = rows and all(row.thing.group is Group.CREDENTIALS or row.thing.id in _ENGINES for row in rows)
    if found.use is Use.UNKNOWN and spare:
        return Evidence(Use.UNKNOWN, msg("Hardly any program needs it for its work."), rare=True)
    return found


def _writing(value: str, subject: Subject) -> Evidence:
    sign = next((found for path in _paths(value) if (found := path_written(path, subject)) is not None), None)
    found = evidence(sign, subject, "reached", places=_paths(value))
    if found.use is Use.UNKNOWN and all(path.endswith(_HOOKS) for path in _paths(value)):
        return Evidence(Use.UNKNOWN, msg("Hardly any program writes hooks of Git."), rare=True)
    return found


def _risk(text: Message) -> Callable[[str, Subject], tuple[Message, ...]]:
    return lambda value, subject: (replace(text, args=(("paths", ", ".join(_paths(value))),)),)


HIDE = Toggle(
    "hide",
    _LAYER,
    msg("Hide files"),
    msg("They are not there for it."),
    "PATH,PATH",
    _check,
    lambda asked, value, subject: _mounted(asked, map(_hidden, _paths(value))),
    lambda asked, subject: not _to_hide(subject),
    _risk(msg("If it reads {paths}, that fails.", paths="")),
    _prover(_lies_under, msg("Something else lies over it"), msg("It is hidden"), msg("It can be seen")),
    in_no_preset,
    default="/root/.ssh/",
    cure=lambda value, subject: Cure.GRANT,
    evidence=_reading,
    unit=Unit.PATHS,
    pieces=_to_hide,
    shuts=_shut,
    single=msg("Hide {name}", name=""),
    word=msg("Files"),
)
LOCK = Toggle(
    "lock",
    _LAYER,
    msg("Lock folders"),
    msg("It can read what is there, and change nothing."),
    "PATH,PATH",
    _check,
    lambda asked, value, subject: _mounted(asked, map(_locked, _paths(value))),
    lambda asked, subject: not _to_lock(subject),
    _risk(msg("If it writes to {paths}, that fails.", paths="")),
    _prover(_is_read_only, msg("Mounted read-only"), msg("It is read-only"), msg("It is writable")),
    in_no_preset,
    default="/root/",
    cure=lambda value, subject: Cure.GRANT,
    evidence=_writing,
    unit=Unit.PATHS,
    pieces=_to_lock,
    single=msg("Lock {name}", name=""),
    word=msg("Folders"),
)
