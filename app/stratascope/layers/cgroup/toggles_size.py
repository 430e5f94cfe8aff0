"""The toggle of the size of /dev/shm, the shared memory of its own. It only gives: engines begin with 64 MB, which
databases and browsers outgrow, and what lies there counts against the limit on memory anyway.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Given, Proof, Proven, Subject, Toggle, ToggleError, Unit
from stratascope.core.relaunch.want import MoreOf, Want
from stratascope.core.sizes import size_text
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset, no_pieces, no_risks, size_of
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.value import replace

_LAYER, _SOURCE = "cgroup", "@mountinfo:/dev/shm"
_PLACE = "/dev/shm"
_USUAL = 64 << 20  # both engines' own


def _check(value: str, subject: Subject) -> str:
    size = size_of(value, 1 << 12)
    if shared_mode(subject.container.asked.ipc_mode) or subject.container.asked.ipc_mode == "none":
        raise ToggleError(msg("It shares its shared memory with others, so the size can't be set here."))
    return str(size)


def _prove(facts: object, value: str, subject: Subject) -> Proof:
    """By the options of the file system there, which every layer may read."""
    expected = msg("The size of {path} is {size}", path=_PLACE, size=size_text(int(value)))
    namespaces = subject.of("namespaces")
    view = None if namespaces is None else namespaces.mounts
    found = None if view is None else next((each for each in view.seen if each.target == _PLACE), None)
    size = 0 if found is None else _size(found.super_options)
    if not size:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _SOURCE)
    right = Proven.ENFORCED if size >= int(value) else Proven.NOT_ENFORCED
    return Proof(right, expected, msg("It is {size}", size=size_text(size)), _SOURCE)


def _size(options: str) -> int:
    """Bytes of `size=65536k`, as tmpfs(5) tells it; 0 where it does not."""
    for word in options.split(","):
        name, _, value = word.partition("=")
        number = value.removesuffix("k")
        if name == "size" and number.isascii() and number.isdigit() and len(number) < 18:
            return int(number) << (10 if value.endswith("k") else 0)
    return 0


def _allows(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, MoreOf) or want.what != "shm":
        return None
    others = [each for each in subject.container.asked.mounts if each.kind == "tmpfs" and each.target != _PLACE]
    if others and want.path != _PLACE:
        return None  # it may be one of these that is full
    size = 2 * (want.now or subject.container.asked.shm_size or _USUAL)
    return Given(str(size), msg("Give {path} a size of {size}", path=_PLACE, size=size_text(size)))


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, shm_size=int(value))


def _on(asked: Asked, subject: Subject) -> bool:
    return (asked.shm_size or _USUAL) != _USUAL


_WHAT = msg("Sets how much its programs can share in /dev/shm.")
SHM_SIZE = Toggle(
    "shm-size",
    _LAYER,
    msg("More shared memory"),
    _WHAT,
    "",
    _check,
    _apply,
    _on,
    no_risks,
    _prove,
    in_no_preset,
    default="128m",
    unit=Unit.BYTES,
    gives="BYTES",
    allows=_allows,
    pieces=no_pieces,
)
