"""One option of a container that came or went, in words that say what was granted or taken back."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.options.given import measure_of
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate

_LONGEST = 80  # characters of a path or value
_SOCKETS = {"docker.sock": "Docker", "podman.sock": "Podman", "containerd.sock": "containerd", "crio.sock": "CRI-O"}
_WHOLE: dict[str, tuple[Message, Message]] = {
    "--privileged": (msg("It is privileged now"), msg("It is no longer privileged")),
    "--cap-add ALL": (msg("It has all capabilities now"), msg("It no longer has all capabilities")),
    "--cap-drop ALL": (msg("All capabilities were dropped"), msg("Its capabilities are no longer dropped")),
    "--read-only": (msg("Its root filesystem is read-only"), msg("Its root filesystem is writable")),
    "--pid host": (msg("It sees the host's processes"), msg("It no longer sees the host's processes")),
    "--network host": (msg("It is on the host's network"), msg("It is no longer on the host's network")),
    "--userns host": (msg("Its user namespace is the host's"), msg("Its user namespace is no longer the host's")),
    "--security-opt seccomp=unconfined": (
        msg("Its system call filter is off"),
        msg("It has a system call filter again"),
    ),
    "--security-opt apparmor=unconfined": (msg("AppArmor is off for it"), msg("AppArmor is on for it again")),
    "--security-opt no-new-privileges": (
        msg("It can't gain privileges any more"),
        msg("It can gain privileges by set-uid programs"),
    ),
    "--security-opt systempaths=unconfined": (
        msg("Kernel files are no longer hidden from it"),
        msg("Kernel files are hidden from it again"),
    ),
}


def setting_words(flag: str, *, came: bool) -> str:
    """What that option means where it is asked for now, or no longer; the option itself where there are no words."""
    return translate(_words(flag, came=came) or _as_typed(flag, came=came))


def _as_typed(flag: str, *, came: bool) -> Message:
    text = plain(flag, _LONGEST)
    return msg("+ {text}", text=text) if came else msg("− {text}", text=text)


def _words(flag: str, *, came: bool) -> Message | None:
    if flag in _WHOLE:
        return _WHOLE[flag][0 if came else 1]
    option, _, value = flag.partition(" ")
    what = plain(value, _LONGEST)
    match option:
        case "--cap-add" | "--device":
            return msg("{what} was added", what=what) if came else msg("{what} was removed", what=what)
        case "--cap-drop":
            return msg("{what} was dropped", what=what) if came else msg("{what} is no longer dropped", what=what)
        case "--user":
            return msg("It runs as {user}", user=what) if came else msg("It no longer runs as {user}", user=what)
        case "-v":
            return _mount(value, came=came)
        case "--security-opt" if value.startswith("seccomp=") and not came:
            return msg("Its own system call filter is gone")
    if measure_of(flag) and not came:
        return msg("Its limit is gone: {option}", option=plain(flag, _LONGEST))
    return None


def _mount(value: str, *, came: bool) -> Message:
    source = value.partition(":")[0]
    engine = _SOCKETS.get(source.rpartition("/")[2])
    if engine is not None:
        return (
            msg("The {engine} socket was mounted", engine=engine)
            if came
            else msg("The {engine} socket is no longer mounted", engine=engine)
        )
    path = plain(source, _LONGEST)
    if not came:
        return msg("{path} is no longer mounted", path=path)
    if value.endswith(":ro"):
        return msg("{path} was mounted read-only", path=path)
    return msg("{path} was mounted", path=path)
