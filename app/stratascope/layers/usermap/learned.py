"""As which user a container could be started, by what it was seen to do as root."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.options.capabilities import FILES, starts_as_root
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.shared.on_demand import serves_users, writes_to_volumes

_NOBODY = 65534  # nobody and nogroup, on all that Linux runs on


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """The one user that it becomes by itself, or whose its own volumes are where it uses root for nothing but files;
    nobody in particular where it used no right of root at all.

    None where it works as several users, or needs root for more than to become another one. Whether its files can be
    read then is for a trial to say.
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
    # whoever was not put through what it is for may need its own files, and other users, later
    shown = subject.programs is None or not writes_to_volumes(subject)
    used -= {"CAP_NET_BIND_SERVICE"}
    if others or not shown or not used <= FILES:
        return None
    owners = {owner for volume in subject.own_volumes or () for owner in volume.owners if owner}
    if used and len(owners) == 1 and not subject.engine.rootless and not asked.userns_mode:
        # the image's users say of which group it is
        return Learned(str(owners.pop()), msg("Its volumes belong to this user, and it does nothing else as root."))
    return None if used else Learned(f"{_NOBODY}:{_NOBODY}", msg("It was seen doing nothing that requires root."))
