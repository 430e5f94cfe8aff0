"""The toggle of layer 1 for what of /proc and /sys the engine hides or makes read-only.

Decided against opening all where one path is wanted: both engines' requests take them one by one, though only Podman's
command line does.
"""

from __future__ import annotations

import posixpath

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.refusals.ended.complaints import of_kernel_files
from stratascope.core.relaunch.toggle import (
    MORE,
    Cure,
    Given,
    Preset,
    Proof,
    Subject,
    Toggle,
    ToggleError,
)
from stratascope.core.relaunch.want import ReadablePlace, Want, WritablePlace
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.toggle_values import listed, more_of, only, proof_of
from stratascope.value import replace

_LAYER, _MOUNTS = "namespaces", "@mountinfo"
_SHOWN = 5


def _facts(subject: Subject) -> NamespacesFacts | None:
    facts: NamespacesFacts | None = subject.of(_LAYER)
    return facts


def _masked(asked: Asked, subject: Subject) -> bool:
    return not asked.privileged and asked.masked_paths != () and asked.read_only_paths != ()


def _check_masks(value: str, subject: Subject) -> str:
    return more_of(value, subject, _kernel_path) or only("default", "off")(value, subject)


def _kernel_path(path: str, subject: Subject) -> str:
    path = posixpath.normpath(path)
    if not path.startswith(("/proc/", "/sys/")) or ":" in path or not path.isprintable():
        raise ToggleError(msg("Use a path below /proc or /sys that is masked or read-only, not {path}.", path=path))
    return path


def _mask(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == "off":
        return replace(asked, masked_paths=(), read_only_paths=())
    if value.startswith(MORE):
        if asked.privileged or (asked.masked_paths == () and asked.read_only_paths == ()):
            return asked
        return replace(asked, unmasked=tuple(dict.fromkeys((*asked.unmasked, *listed(value)))))
    return asked if _masked(asked, subject) else replace(asked, masked_paths=None, read_only_paths=None)


def _mask_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value != "default" or _masked(subject.container.asked, subject):
        return ()
    return (msg("It could no longer set kernel parameters below /proc/sys, nor mount a /proc in a nested container."),)


def _mask_preset(preset: Preset, subject: Subject) -> str | None:
    asked = subject.container.asked
    return None if asked.privileged or _masked(asked, subject) else "default"


def _prove_masks(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    view = None if facts is None else facts.mounts
    if value == "default":
        return proof_of(
            None if view is None else view.proc_guarded,
            msg("/proc/sys is read-only, and files of /proc are masked"),
            msg("They are"),
            msg("They are visible, or writable"),
            _MOUNTS,
        )
    places = None if view is None else (*view.masked, *view.read_only)
    left = None if places is None else [place for place in places if value == "off" or place in listed(value)]
    return proof_of(
        None if left is None else not left,
        msg("They are neither masked nor read-only: {paths}", paths="/proc" if value == "off" else value[1:]),
        msg("They are not"),
        msg("Still so: {paths}", paths=", ".join((left or [])[:_SHOWN])),
        _MOUNTS,
    )


def _unmasking(want: Want, subject: Subject) -> Given | None:
    """Only the mount that hides or protects the path: all of them have to go for nothing else."""
    facts, asked = _facts(subject), subject.container.asked
    if not isinstance(want, ReadablePlace | WritablePlace) or asked.privileged or not of_kernel_files(want.path):
        return None
    view = None if facts is None else facts.mounts
    places = () if view is None else view.masked if isinstance(want, ReadablePlace) else view.read_only
    found = max((place for place in places if within(want.path, place)), key=len, default="")
    if not found:
        return None
    if isinstance(want, ReadablePlace):
        return Given(MORE + found, msg("Unmask {path}", path=found))
    return Given(MORE + found, msg("Make {path} writable", path=found))


MASKED_PATHS = Toggle(
    "masked-paths",
    _LAYER,
    msg("Mask kernel files"),
    msg(
        "Hides files of /proc and /sys that reveal the host, and makes kernel settings read-only, as the engine does "
        "by default."
    ),
    "default",
    _check_masks,
    _mask,
    _masked,
    _mask_risks,
    _prove_masks,
    _mask_preset,
    gives="off|+PATH,PATH",
    allows=_unmasking,
    cure=lambda value, subject: Cure.PROTECTION,
    word=msg("Masks"),
    overridden=True,
)
