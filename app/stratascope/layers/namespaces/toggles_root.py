"""The toggles of layer 1 for what it can write and see of its own root directory: masks, a read-only root, tmpfs.

The root directory is kept as the image has it, with tmpfs where it writes. Where it writes is known from its writable
layer (`Subject.changes`), where the caller looked, and from what was seen. Only what is temporary by its nature gets a
tmpfs (`written.py`), and data a volume (`toggles_volume.py`); where none can hold it the root directory stays writable,
whatever the preset. Nor is there a tmpfs
where the container wrote over a file of the image (`Subject.replaced`): it uses what lies there, and Docker's tmpfs is
empty. Podman copies it in.

Masks are what of /proc and /sys the engine hides or makes read-only. Decided against opening all where one path is
wanted: both engines' requests take them one by one, though only Podman's command line does.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import Message, msg
from stratascope.core.refusals.ended.complaints import of_kernel_files
from stratascope.core.relaunch.toggle import (
    MORE,
    Cure,
    Evidence,
    Given,
    Learned,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.core.relaunch.want import LooserMount, MoreOf, ReadablePlace, Want, WritablePlace
from stratascope.core.text import size_text
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.written import (
    KERNEL,
    data,
    executes,
    in_temporary_place,
    kept_in_root,
    memory_folders,
    temporary,
    tmpfs_options,
    volume_folders,
    written,
)
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.signs_of_use import evidence, protected, serves_users
from stratascope.layers.shared.toggle_values import LEARNED, NOT_READ, is_docker, listed, more_of, only, proof_of
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
    view = None if facts is None else facts.as_made.mounts
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
    """Only the mount that hides or protects the path. All of them have to go for another /proc alone."""
    facts, asked = _facts(subject), subject.container.asked
    if isinstance(want, ReadablePlace) and want.path == "/proc" and _masked(asked, subject):
        return Given("off", msg("Neither hide nor protect anything below /proc"))
    if not isinstance(want, ReadablePlace | WritablePlace) or asked.privileged or not of_kernel_files(want.path):
        return None
    view = None if facts is None else facts.as_made.mounts
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
    evidence=lambda value, subject: protected(subject),
    word=msg("Masks"),
    overridden=True,
)


_SCRATCH = ("/tmp", "/var/tmp")
_MOST_TMPFS = 32
_SIZE = re.compile(r"size=[1-9][0-9]{0,17}").fullmatch
_MORE = ("exec", "suid", "dev")  # what may also be allowed in a tmpfs, as mount(8) names it


def _hidden(folder: str, subject: Subject) -> tuple[str, ...]:
    """What of the image, that it is known to use, a tmpfs there would hide."""
    if not is_docker(subject):
        return ()
    return tuple(path for path in subject.replaced if path != folder and within(path, folder))


def _may_be_read_only(subject: Subject) -> bool:
    """Not where it keeps data, nor where what it writes over can neither be written nor be given a tmpfs."""
    wanted = [posixpath.dirname(path) for path in subject.replaced if temporary(path)]
    writable = not subject.container.asked.read_only_root
    return writable and not kept_in_root(subject) and not any(_hidden(folder, subject) for folder in wanted)


def _kept_writable(subject: Subject) -> Message | None:
    """Why its root directory stays writable, whatever was seen."""
    if subject.container.asked.read_only_root:
        return None
    kept = kept_in_root(subject)
    if kept:
        return msg("It keeps files outside its volumes, so its root filesystem stays writable: {paths}.",
                   paths=", ".join(kept[:_SHOWN]))  # fmt: skip
    if serves_users(subject):
        return msg("It works for whoever logs in or sends it a job, and where that writes was not seen.")
    return None


def _read_only_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == "off" or subject.container.asked.read_only_root:
        return ()
    if subject.changes is None:
        return (msg("Where it writes was not examined; writes fail where it has no volume or tmpfs."),)
    lost = kept_in_root(subject)
    if not lost:
        return ()
    paths = ", ".join(lost[:_SHOWN])
    return (msg("It wrote to {paths}: such files could no longer be written.", paths=paths),)


def _read_only_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """On, unless it keeps data, or does its work for whoever comes later: where that writes a start does not show."""
    if not _may_be_read_only(subject) or serves_users(subject):
        return None
    if volume_folders(subject):
        return Learned("on", msg("What it writes then goes to volumes and memory."))
    return Learned("on", msg("It was seen writing only to volumes and memory."))


def _writing_used(value: str, subject: Subject) -> Evidence:
    why = _kept_writable(subject)
    if why is not None:
        return Evidence(Use.USED, why)
    return evidence(None, subject, "written")


def _places_kept(subject: Subject) -> tuple[tuple[str, str], ...]:
    """The tmpfs and the volumes without which nothing could be written any more."""
    found = _tmpfs_learned(LEARNED, subject, subject.container.asked)
    value = _tmpfs_preset(Preset.STRICT, subject) if found is None else found.value
    places = (("tmpfs", value), ("volume", ",".join(volume_folders(subject))))
    return tuple((name, place) for name, place in places if place)


def _prove_root(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    answer = None if facts is None else facts.as_made.root_read_only
    if value == "off":
        free = None if answer is None else not answer
        return proof_of(free, msg("Its root filesystem can be written"), msg("It is writable"), msg("It is read-only"),
                        f"{_MOUNTS}:/")  # fmt: skip
    return proof_of(
        answer,
        msg("Its root filesystem is mounted read-only"),
        msg("It is read-only"),
        msg("It is writable"),
        f"{_MOUNTS}:/",
    )


def _of_root(want: Want, subject: Subject) -> bool:
    """Whether it wants to write where only the root directory's being read-only refuses it."""
    asked = subject.container.asked
    return (
        isinstance(want, WritablePlace)
        and asked.read_only_root
        and want.mount == "/"
        and not any(within(want.path, folder) for folder in KERNEL)
    )


_NOT_WRITTEN = msg("Its root filesystem is read-only: what it writes on request was not tried.")

READ_ONLY_ROOT = Toggle(
    "read-only-root",
    _LAYER,
    msg("Read-only root filesystem"),
    msg("Nothing of the image can be changed; it writes only to volumes and tmpfs."),
    "on",
    only("on", "off"),
    lambda asked, value, subject: replace(asked, read_only_root=value == "on"),
    lambda asked, subject: asked.read_only_root,
    _read_only_risks,
    _prove_root,
    lambda preset, subject: "on" if preset is Preset.STRICT and _may_be_read_only(subject) else None,
    learned=_read_only_learned,
    learned_words=(LEARNED,),
    left_off=_kept_writable,
    guessed=True,
    widely=lambda value, subject: () if value == "off" or subject.container.asked.read_only_root else (_NOT_WRITTEN,),
    evidence=_writing_used,
    keeping=_places_kept,
    gives="off",
    allows=lambda want, subject: (
        Given("off", msg("Make its root filesystem writable")) if _of_root(want, subject) else None
    ),
)


def _split(value: str) -> dict[str, tuple[str, ...]]:
    """`/tmp,/run:exec` as places with what is to be allowed there beside the usual."""
    found: dict[str, tuple[str, ...]] = {}
    for word in value.split(","):
        place, *words = word.strip().split(":")
        if place:
            found[_cleaned(place)] = tuple(dict.fromkeys((*found.get(_cleaned(place), ()), *words)))
    return found


def _check_tmpfs(value: str, subject: Subject) -> str:
    places = _split(value)
    if not places or len(places) > _MOST_TMPFS:
        raise ToggleError(msg("Give up to {most} paths inside the container, separated by commas.", most=_MOST_TMPFS))
    taken = {mount.target.rstrip("/") for mount in subject.container.asked.mounts if mount.kind != "tmpfs"}
    for place in places:
        kernel = any(within(place, folder) for folder in KERNEL)
        unknown = [word for word in places[place] if word not in _MORE and not _SIZE(word)]
        if not place.startswith("/") or place.strip("/") == "" or unknown or not place.isprintable() or kernel:
            raise ToggleError(msg("A tmpfs can't be mounted at {path}. Give an absolute path inside.", path=place))
        if place in taken:
            raise ToggleError(msg("There is already a mount at {path}, so there can't be a tmpfs.", path=place))
    return ",".join(":".join((place, *words)) for place, words in places.items())


def _cleaned(path: str) -> str:
    path = posixpath.normpath(path)
    return path[1:] if path.startswith("//") else path


def _tmpfs(asked: Asked, value: str, subject: Subject) -> Asked:
    have = {mount.target.rstrip("/"): mount for mount in asked.mounts}
    found = list(asked.mounts)
    for place, words in _split(value).items():
        there = have.get(place)
        if there is None:
            options = ",".join(filter(None, (tmpfs_options(place, asked, subject), *words)))
            found.append(AskedMount("tmpfs", "", place, True, options=options))
        elif words and there.kind == "tmpfs":
            found[found.index(there)] = replace(there, options=",".join(words))
    return replace(asked, mounts=tuple(found)) if found != list(asked.mounts) else asked


def _tmpfs_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    have = {mount.target.rstrip("/") for mount in subject.container.asked.mounts}
    new = [place for place, words in _split(value).items() if place not in have and "exec" not in words]
    if not new:
        return ()
    paths = ", ".join(new[:_SHOWN])
    lost = [path for place in new for path in data(subject) if within(path, place)]
    if lost:
        return (msg("It keeps files there, which are lost when it stops: {paths}.",
                    paths=", ".join(lost[:_SHOWN])),)  # fmt: skip
    hidden = [path for place in new for path in _hidden(place, subject)]
    if hidden:
        return (msg("The image has files there that it uses, and a tmpfs would hide them: {paths}.",
                    paths=", ".join(hidden[:_SHOWN])),)  # fmt: skip
    if is_docker(subject):
        text = msg(
            "What the image has in {paths} is hidden, and what it writes there is lost when it stops.", paths=paths
        )
    else:  # Podman copies it in: tmpcopyup
        text = msg("What it writes in {paths} is lost when it stops.", paths=paths)
    fixed = [place for place in new if not executes(place, subject)]
    if not fixed:
        return (text,)
    return text, msg("Programs in {paths} can't be started.", paths=", ".join(fixed[:_SHOWN]))


def _prove_tmpfs(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("A writable tmpfs at {paths}", paths=value)
    view = None if facts is None else facts.as_made.mounts
    if view is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    places = _split(value)
    missing = [place for place in places if place not in view.tmpfs]
    if missing:
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is none at {path}", path=missing[0]), _MOUNTS)
    for mount in view.seen:
        forbids = {f"no{word}" for word in places.get(mount.target, ())} & set(mount.options.split(","))
        if forbids:
            text = msg("{path} is mounted {options}", path=mount.target, options=", ".join(sorted(forbids)))
            return Proof(Proven.NOT_ENFORCED, expected, text, f"{_MOUNTS}:{mount.target}")
    return Proof(Proven.ENFORCED, expected, msg("They are present"), _MOUNTS)


def _tmpfs_preset(preset: Preset, subject: Subject) -> str | None:
    """What works with a read-only root directory has its places to write, and one that stays writable needs none."""
    if preset is not Preset.STRICT or not _may_be_read_only(subject):
        return None
    places = list(_SCRATCH)
    if subject.changes is None:
        places.append("/run")
    for path in () if subject.changes is None else written(subject):
        folder = posixpath.dirname(path)
        if in_temporary_place(folder) and folder not in places and not _hidden(folder, subject):
            places.append(folder)
    # a change in a folder of a scratch folder needs no tmpfs of its own
    places = [place for place in places if not any(place != other and within(place, other) for other in _SCRATCH)]
    have = {mount.target.rstrip("/") for mount in subject.container.asked.mounts}
    new = [place for place in places if place not in have and not any(within(place, other) for other in have)]
    return ",".join(new[:_MOST_TMPFS]) or None


def _tmpfs_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Where it was seen to write what is temporary, and what the strictest preset has."""
    if _read_only_learned(word, subject, asked) is None:
        return None
    value = _tmpfs_preset(Preset.STRICT, subject)
    places = () if value is None else tuple(value.split(","))
    more = tuple(folder for folder in memory_folders(subject) if not _hidden(folder, subject))
    places += tuple(folder for folder in more if not any(within(folder, place) for place in places))
    places = tuple(place for place in places if not any(place != other and within(place, other) for other in more))
    found = ",".join(places[:_MOST_TMPFS])
    return Learned(found, msg("It was seen writing there, or any program may.")) if found else None


def _tmpfs_allowed(want: Want, subject: Subject) -> Given | None:
    """A place in memory where it may write, for what need not last; or one of today's that allows more."""
    if isinstance(want, LooserMount):
        return _looser(want, subject)
    if isinstance(want, MoreOf):
        there = any(mount.kind == "tmpfs" and mount.target == want.path for mount in subject.container.asked.mounts)
        if want.what != "tmpfs" or not want.now or not there:
            return None
        size = size_text(2 * want.now)
        return Given(f"{want.path}:size={2 * want.now}", msg("Give {path} a size of {size}", path=want.path, size=size))
    if not isinstance(want, WritablePlace) or not _of_root(want, subject):
        return None
    folder = posixpath.dirname(want.path)
    if not in_temporary_place(folder) or _hidden(folder, subject):
        return None  # what lies there would be hidden, or be missed the next time
    return Given(folder, msg("Add a tmpfs at {path}", path=folder))


def _looser(want: LooserMount, subject: Subject) -> Given | None:
    place = want.mount.rstrip("/")
    mounts = subject.container.asked.mounts
    there = next((mount for mount in mounts if mount.target.rstrip("/") == place and mount.kind == "tmpfs"), None)
    if there is None or want.option not in _MORE:
        return None
    return Given(f"{place}:{want.option}", msg("Mount {path} with {option}", path=place, option=want.option))


TMPFS = Toggle(
    "tmpfs",
    _LAYER,
    msg("Tmpfs for what it writes"),
    msg("Mounts an empty filesystem in memory where it writes: its files are gone when it stops."),
    "PATH,PATH",
    _check_tmpfs,
    _tmpfs,
    lambda asked, subject: any(mount.kind == "tmpfs" for mount in asked.mounts),
    _tmpfs_risks,
    _prove_tmpfs,
    _tmpfs_preset,
    learned=_tmpfs_learned,
    learned_words=(LEARNED,),
    left_off=_kept_writable,
    guessed=True,
    gives="PATH:exec|PATH:suid|PATH:dev|PATH:size=BYTES",
    allows=_tmpfs_allowed,
    default="/tmp",
    unit=Unit.PATHS,
    planned=lambda subject: None,  # only beside a read-only root directory
)
