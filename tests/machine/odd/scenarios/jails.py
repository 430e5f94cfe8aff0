"""A first process in a chroot: one that holds, and those that don't, as it may change its root directory again, or has
a directory or a process outside.

What lies outside is named as `jail.c` and `places.c` look for it: /system, /plain, /hp, /engine.sock.
"""

from __future__ import annotations

from machine.attempts.configurations import Configuration
from rig.engine import KINDS

# which programs of the host's a rootless engine's user has is not ours to say: there no proc of the host's is bound in
_ROOTFUL = ("docker_rootful", "podman_rootful")
_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_BOUND = ("-v", "{folder}/mounted:/plain", "-v", "/etc/cron.d:/system")
_PROC = ("-v", "/proc:/hp")
_PROC_INSIDE = ("-v", "/proc:/jail/proc", "-v", "/proc:/jail/hp")
_SOCKET = ("-v", "{socket}:/engine.sock")
_DROPPED = ("--cap-drop", "ALL", "--cap-add", "SYS_CHROOT", "--cap-add", "SETPCAP")


def _jail(
    name: str, words: str, *options: str, image: str = "attempts", only: tuple[str, ...] = KINDS
) -> Configuration:
    return Configuration(f"odd-jail-{name}", options, (f"chroot={words}",), image=image, only=only)


SCENARIOS = (
    _jail("kept", "/jail", *_BOUND),
    _jail("kept-socket", "/jail", *_SOCKET),
    _jail("kept-proc", "/jail", *_PROC, only=_ROOTFUL),
    _jail("locked", "/jail,locked", *_BOUND),
    _jail("locked-socket", "/jail,locked", *_SOCKET),
    _jail("locked-proc", "/jail,locked", *_PROC, only=_ROOTFUL),
    _jail("locked-few", "/jail,locked", *_BOUND, *_DROPPED, image="jailed"),
    _jail("stay", "/jail,stay,locked", *_BOUND),
    _jail("stay-socket", "/jail,stay,locked", *_SOCKET),
    _jail("stay-proc", "/jail,stay,locked", *_PROC, only=_ROOTFUL),
    _jail("stay-few", "/jail,stay,locked", *_BOUND, *_DROPPED, image="jailed"),
    _jail("stay-unconfined", "/jail,stay,locked", *_UNCONFINED, *_BOUND),
    _jail("open", "/jail,open,locked", *_BOUND),
    _jail("open-nothing-new", "/jail,open,locked", *_BOUND, "--security-opt", "no-new-privileges"),
    _jail("bound-place", "/plain/jail,locked", "-v", "{folder}/mounted:/plain"),
    _jail("bound-place-read-only", "/plain,locked", "-v", "{folder}/mounted:/plain", "-v", "/etc/cron.d:/system"),
    _jail("bound-in", "/jail,locked", "-v", "/etc/cron.d:/jail/system", "-v", "{folder}/mounted:/plain"),
    _jail("memory", "/jail,locked", "--tmpfs", "/jail", *_BOUND),
    _jail("memory-kept", "/jail", "--tmpfs", "/jail", *_BOUND),
    _jail("read-only", "/tmp/jail,locked", "--read-only", "--tmpfs", "/tmp", *_BOUND),
    _jail("unconfined", "/jail,locked", *_UNCONFINED, *_BOUND),
    _jail("unconfined-kept", "/jail", *_UNCONFINED, *_BOUND),
    _jail("host-proc", "/jail,locked", *_PROC_INSIDE, *_BOUND, only=_ROOTFUL),
    _jail("host-pids", "/jail,locked", "--pid", "host", *_PROC_INSIDE, *_BOUND, only=_ROOTFUL),
    _jail("privileged", "/jail", "--privileged", *_BOUND),
    _jail("privileged-locked", "/jail,locked", "--privileged", *_BOUND),
    _jail("beside", "/jail,locked,beside", *_UNCONFINED, *_BOUND),
    _jail("beside-nothing-new", "/jail,locked,beside", *_UNCONFINED, "--security-opt", "no-new-privileges", *_BOUND),
)
# Nobody but root, and the user of a rootless engine, can see that it is in a chroot, and what is outside of that
UNSEEN = frozenset(item.name for item in SCENARIOS)
