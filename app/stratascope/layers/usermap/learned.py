"""The user a container could be started as, by what it was seen doing as root."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.options.capabilities import FILES, starts_as_root
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.shared.signs_of_use import serves_users, writes_to_volumes

_NOBODY = 65534  # nobody and nogroup, wherever Linux runs


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """The one user that it switches to itself, or the owner of its own volumes if it only uses root for files; nobody
    if it used none of root's privileges.

    None if it works as several users, or needs root for more than switching to another. Whether it can then read its
    files is for a trial to show.
    """
    seen = subject.seen
    if seen is None or not seen.seen.starts or not seen.saw("capabilities") or not starts_as_root(asked):
        return None
    if serves_users(subject):
        return None
    used = {use.name for use in seen.capabilities}
    others = sorted({user for user in seen.users if user[0]})
    if len(others) == 1 and "CAP_SETUID" in used:
        uid, gid = others[0]
        return Learned(
            f"{uid}:{gid}", msg("It switches to this user by itself, and does nothing else that requires root.")
        )
    # if its purpose was not exercised, it may later need its own files and other users
    shown = subject.programs is None or not writes_to_volumes(subject)
    used -= {"CAP_NET_BIND_SERVICE"}
    if others or not shown or not used <= FILES:
        return None
    owners = {owner for volume in subject.own_volumes or () for owner in volume.owners if owner}
    if used and len(owners) == 1 and not subject.engine.rootless and not asked.userns_mode:
        # its group comes from the image's users
        return Learned(str(owners.pop()), msg("Its volumes belong to this user, and it does nothing else as root."))
    return None if used else Learned(f"{_NOBODY}:{_NOBODY}", msg("It was seen doing nothing that requires root."))
