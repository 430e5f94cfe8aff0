"""Refusals by owner and mode of files, as fs/namei.c decides: who may read, write, execute, traverse, rename.

For a user other than root, such a refusal is the file's, whatever capability the kernel checks afterwards; for root
only a missing capability can be the reason, which that layer claims. Access control lists are not read: if the mode
alone would have allowed it, no claim is made.
"""

from __future__ import annotations

import errno
import os
import re

from stratascope.core.ground import UNREAD, Ground
from stratascope.core.message import Message, msg
from stratascope.core.observation.events import Node, NodeKind
from stratascope.core.refusals import tried
from stratascope.core.refusals.refusal import FILES, Attempt, Claim, Strength
from stratascope.core.refusals.tried import Use
from stratascope.core.relaunch.want import HeldCapability, RunsAs, Want
from stratascope.value import replace

_ASKED = frozenset(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER"))
_BITS = {Use.READ: 4, Use.WRITE: 2, Use.RUN: 1, Use.PASS: 1, Use.NAMES: 3}
_ENTERS = frozenset(("chdir", "fchdir", "chroot"))
_LINKS = frozenset(("link", "linkat"))  # their path is the existing file's
_TWO_PLACES = frozenset(("rename", "renameat", "renameat2"))
_STICKY = 0o1000
_ANYBODY_RUNS = 0o111
# For another user's process these also require permission to trace it (proc(5))
_OF_A_PROCESS = re.compile(
    r"/proc/\d+/(task/\d+/)?(auxv|environ|io|maps|mem|numa_maps|pagemap|smaps(_rollup)?|syscall)"
)
# File systems where a server or another process decides by its own rules
_SERVED = ("nfs", "cifs", "smb3", "fuse", "9p", "virtiofs", "ceph", "afs")
_NAMES = {  # kernel functions that show the purpose of a check; innermost first in a chain
    "link_path_walk": Use.PASS,
    "walk_component": Use.PASS,
    "may_open": None,
    "may_delete": Use.NAMES,
    "may_create": Use.NAMES,
    "lookup_open": Use.NAMES,
}


def claim(attempt: Attempt, ground: Ground = UNREAD) -> Claim | None:
    """The claim that owner and mode of a file refused the attempt."""
    if not tried.called(attempt, errno.EPERM, errno.EACCES) or attempt.name == "open_by_handle_at":
        return None  # it checks a capability for all files, and has no path
    if attempt.lacked:
        return _asked(attempt)
    return _protected(attempt, ground) or _not_runnable(attempt) or _served(attempt) or _by_mode(attempt)


def _asked(attempt: Attempt) -> Claim | None:
    """The claim if the kernel checked a file capability, which it does after owner and mode refused."""
    if not _ASKED.issuperset(attempt.lacked) or tried.is_root(attempt):
        return None
    # for root it would be a missing capability
    strength = Strength.LEFT if tried.is_root(attempt) is None else Strength.SAID
    attempt = _over_another(attempt)
    about, use = _about(attempt)
    return _claim_of_mode(attempt, about, use, strength)


def _over_another(attempt: Attempt) -> Attempt:
    """For a rename in a sticky folder, the attempt with the path that belongs to another user: the target's, if the
    source is its own.
    """
    place, other = attempt.around.place, attempt.around.other
    if attempt.name not in _TWO_PLACES or "CAP_FOWNER" not in attempt.lacked or place is None or place.node is None:
        return attempt
    if other is None or other.node is None or place.node.uid != attempt.around.uid:
        return attempt
    return replace(attempt, path=other.path, around=replace(attempt.around, place=other, other=place))


def _by_mode(attempt: Attempt) -> Claim | None:
    """The claim if no capability check was seen, or the kernel makes none: as for /proc/sys, where root is no
    exception.
    """
    place = attempt.around.place
    setting = tried.place_of(attempt).startswith("/proc/sys/")
    if setting and attempt.around.uid is None and attempt.errno == errno.EACCES and tried.unasked(attempt):
        return _claim_of_mode(attempt, None, None, Strength.LEFT)
    if place is None or attempt.errno != errno.EACCES or (attempt.around.checks is not None and not setting):
        return None
    if not setting and tried.held(attempt, 1) is not False:  # DAC_OVERRIDE
        return None
    wanted = tried.uses(attempt)
    for use in wanted:
        node = place.folder if use is Use.NAMES else place.node
        if node is not None and _is_of_node(attempt, use) and permits(attempt, node, use) is False:
            return _claim_of_mode(attempt, node, use, Strength.FITS)
    return None


def _about(attempt: Attempt) -> tuple[Node | None, Use | None]:
    """The file or folder that refused it, by the kernel function that made the check, and the intended use."""
    place = attempt.around.place
    wanted = tried.uses(attempt)
    if place is None:
        return None, wanted[0] if wanted else None
    if "CAP_FOWNER" in attempt.lacked:
        return place.node, Use.NAMES if Use.NAMES in wanted else Use.OWN
    names = [name.partition(".")[0] for each in tried.refused_checks(attempt) for name in each.frames]
    asker = next((_NAMES[name] for name in names if name in _NAMES), None)
    if asker is Use.PASS:
        return _passed(attempt), Use.PASS
    if asker is Use.NAMES or Use.NAMES in wanted:
        return _changed(attempt), Use.NAMES
    for use in wanted:
        if place.node is not None and _is_of_node(attempt, use) and permits(attempt, place.node, use) is False:
            return place.node, use
    if not wanted:
        return None, None
    unsure = place.node is not None and any(permits(attempt, place.node, use) is None for use in wanted)
    return (place.node, wanted[0]) if unsure else (_passed(attempt), Use.PASS)


def _is_of_node(attempt: Attempt, use: Use) -> bool:
    """Whether the use concerns the path's own node: only few calls enter it, most traverse the folders before it."""
    return use is not Use.PASS or attempt.name in _ENTERS


def _node(attempt: Attempt) -> Node | None:
    return None if attempt.around.place is None else attempt.around.place.node


def _folder(attempt: Attempt) -> Node | None:
    place = attempt.around.place
    return None if place is None or place.folder is None or place.folder.kind is not NodeKind.FOLDER else place.folder


def _changed(attempt: Attempt) -> Node | None:
    """The folder in which a name was to be created or removed; None if it is the other path's, which is not known."""
    folder = _folder(attempt)
    other = attempt.name in _TWO_PLACES and (folder is None or permits(attempt, folder, Use.NAMES) is not False)
    return None if other or attempt.name in _LINKS else folder


def _passed(attempt: Attempt) -> Node | None:
    """The folder that it could not traverse, if that is the last one of the path."""
    folder = _folder(attempt)
    return folder if folder is not None and permits(attempt, folder, Use.PASS) is False else None


def permits(attempt: Attempt, node: Node, use: Use) -> bool | None:
    """Whether owner and mode permit the process this use; None: its ids are not known, or the mode does not decide."""
    ids, groups = attempt.around.ids, attempt.around.groups
    bits = _BITS.get(use)
    if ids is None or len(ids) != 4 or bits is None:
        return None
    uid, gid = ids[2:]
    if uid == node.uid:
        mine = node.mode >> 6
    elif gid == node.gid or node.gid in (groups or ()):
        mine = node.mode >> 3
    else:
        mine = node.mode
    return mine & bits == bits


def _claim_of_mode(attempt: Attempt, node: Node | None, use: Use | None, strength: Strength) -> Claim:
    wants = _wants(attempt, node, use)
    return Claim(FILES, _sentence(attempt, node, use), strength, wants)


def _wants(attempt: Attempt, node: Node | None, use: Use | None) -> tuple[Want, ...]:
    uid = tried.user(attempt)
    owner: tuple[Want, ...] = ()
    inside = None if node is None else attempt.inside(node.uid) if attempt.uids is not None else node.uid
    if node is not None and inside is not None and inside != uid:
        bits = 0 if "CAP_FOWNER" in attempt.lacked else _BITS.get(use or Use.OWN, 0)  # the mode did not decide
        if node.mode >> 6 & bits == bits or inside == 0:
            owner = (RunsAs(inside),)
    # the kernel checks the weaker capability first if that suffices
    rights = sorted(attempt.lacked, key=lambda name: name == "CAP_DAC_OVERRIDE")
    if uid is None and "CAP_DAC_OVERRIDE" in rights:
        # a container's root usually has it: then this was not root, and the other one would not help
        rights = ["CAP_DAC_OVERRIDE"]
    more = ("CAP_SYS_PTRACE",) if _OF_A_PROCESS.fullmatch(tried.place_of(attempt)) else ()
    return (*owner, *(HeldCapability((name, *more), uid) for name in rights))


def _sentence(attempt: Attempt, node: Node | None, use: Use | None) -> Message:
    path, uid = tried.place_of(attempt), tried.user(attempt)
    if uid is None or not path:
        return msg("The file's owner and mode do not allow it.")
    if node is None or use is None:
        if use is Use.NAMES and attempt.name in _LINKS | _TWO_PLACES:
            return msg(
                "User {uid} can't create anything in the directory where {path} was to get its new name.",
                path=path,
                uid=uid,
            )
        if use is Use.PASS:
            return msg("A directory on the way to {path} does not let user {uid} pass.", path=path, uid=uid)
        return msg(
            "The owner and mode of {path}, or of its directory, do not allow user {uid} to do that.", path=path, uid=uid
        )
    owner, mode = tried.told_id(attempt, node.uid), tried.mode_text(node)
    folder = path.rstrip("/").rpartition("/")[0] or "/"
    match use:
        case Use.READ:
            return msg(
                "{path} belongs to user {owner} ({mode}), and user {uid} can't read it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip
        case Use.WRITE:
            return msg(
                "{path} belongs to user {owner} ({mode}), and user {uid} can't write to it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip
        case Use.RUN:
            return msg(
                "{path} belongs to user {owner} ({mode}), and user {uid} can't execute it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip
        case Use.OWN:
            return msg(
                "{path} belongs to user {owner}, and only its owner may do that; this process is user {uid}.",
                path=path, owner=owner, uid=uid,
            )  # fmt: skip
        case Use.NAMES if "CAP_FOWNER" in attempt.lacked and attempt.name in _LINKS:
            return msg(
                "{path} belongs to user {owner}, and user {uid}, who can't write to it, can't link to it either "
                "(fs.protected_hardlinks).",
                path=path, owner=owner, uid=uid,
            )  # fmt: skip
        case Use.NAMES if "CAP_FOWNER" in attempt.lacked:
            return msg(
                "Only the owner of a file can remove or rename it in {folder} (sticky bit): {path} belongs to user "
                "{owner}, this process is user {uid}.",
                folder=folder, path=path, owner=owner, uid=uid,
            )  # fmt: skip
        case Use.NAMES:
            return msg(
                "The directory of {path} belongs to user {owner} ({mode}), and user {uid} can't create or remove "
"anything in it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip
        case Use.PASS if attempt.name in _ENTERS and node is _node(attempt):
            return msg(
                "{path} belongs to user {owner} ({mode}), and user {uid} can't enter it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip
        case Use.PASS:
            return msg(
                "The directory of {path} belongs to user {owner} ({mode}), and user {uid} can't pass through it.",
                path=path, owner=owner, mode=mode, uid=uid,
            )  # fmt: skip


def _protected(attempt: Attempt, ground: Ground) -> Claim | None:
    """Another user's file in a sticky folder such as /tmp, opened with O_CREAT: refused even to root
    (may_create_in_sticky).

    By the host's fs.protected_* settings: 0 never, 1 in world-writable folders, 2 also in group-writable ones.
    """
    place, flags = attempt.around.place, tried.flags(attempt)
    if place is None or place.node is None or place.folder is None or attempt.errno != errno.EACCES:
        return None
    node, folder = place.node, place.folder
    if flags is None or not flags & os.O_CREAT or node.kind not in (NodeKind.FILE, NodeKind.FIFO):
        return None
    if not folder.mode & _STICKY or not folder.mode & 0o022 or node.uid in (folder.uid, attempt.around.uid):
        return None
    setting = "fs.protected_regular" if node.kind is NodeKind.FILE else "fs.protected_fifos"
    level = ground.sysctl_number(setting)
    if level is not None and level < (1 if folder.mode & 0o002 else 2):
        return None
    what = msg(
        "In a world-writable directory such as that of {path}, the kernel lets nobody open a file of "
        "user {owner} with O_CREAT, not even root ({setting}).",
        path=tried.place_of(attempt),
        owner=tried.told_id(attempt, node.uid),
        setting=setting,
    )
    inside = attempt.inside(node.uid) if attempt.uids is not None else node.uid
    return Claim(FILES, what, Strength.FITS, () if inside is None else (RunsAs(inside),))


def _not_runnable(attempt: Attempt) -> Claim | None:
    place = attempt.around.place
    if place is None or place.node is None or attempt.errno != errno.EACCES or attempt.name not in tried.EXECUTES:
        return None
    path = tried.place_of(attempt)
    if place.node.kind is not NodeKind.FILE:
        return Claim(FILES, msg("{path} is not an executable file.", path=path), Strength.FITS)
    if place.node.mode & _ANYBODY_RUNS:
        return None
    what = msg("{path} is not executable ({mode}).", path=path, mode=tried.mode_text(place.node))
    return Claim(FILES, what, Strength.FITS)


def _served(attempt: Attempt) -> Claim | None:
    mount = tried.mount_of(attempt)
    if mount is None or not mount.fs_type.startswith(_SERVED) or mount.fs_type == "fuse.fuse-overlayfs":
        return None
    what = msg(
        "{path} is on a filesystem ({type}) whose server applies its own permissions, and it refused.",
        path=tried.place_of(attempt),
        type=mount.fs_type,
    )
    return Claim(FILES, what, Strength.FITS)
