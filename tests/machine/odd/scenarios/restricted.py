"""A first process that restricts itself, by Landlock or by its securebits, or lays capabilities down without them."""

from __future__ import annotations

from machine.attempts.configurations import Configuration

_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_NO_NEW = ("--security-opt", "no-new-privileges")
_PRIVILEGED = ("--privileged",)
# rights of files: all of version 5; those to write; those to look
_ALL, _WRITE, _READ = 0xFFFF, 0x5FF2, 0xD
_NOTHING = f"landlock={_ALL:#x},3,3"


def _landlock(files: int, *rules: str, network: int = 0, scopes: int = 0) -> str:
    return ",".join((f"landlock={files:#x},{network},{scopes}", *rules))


_LOOKS = tuple(f"{_READ:#x}:{path}" for path in ("/", "/proc"))

SCENARIOS = (
    Configuration("odd-landlock-nothing", _UNCONFINED, (_NOTHING,)),
    Configuration("odd-landlock-nothing-privileged", _PRIVILEGED, (_NOTHING,)),
    Configuration("odd-landlock-read-only", _PRIVILEGED, (_landlock(_ALL, *_LOOKS),)),
    Configuration("odd-landlock-write-held", _PRIVILEGED, (_landlock(_WRITE),)),
    Configuration("odd-landlock-tmp-only", _PRIVILEGED, (_landlock(_ALL, *_LOOKS, f"{_ALL:#x}:/tmp"),)),
    Configuration("odd-landlock-no-nodes", _PRIVILEGED, (_landlock(1 << 6 | 1 << 11),)),
    Configuration("odd-landlock-proc-writable", _PRIVILEGED, (_landlock(_WRITE, f"{_ALL:#x}:/proc"),)),
    Configuration("odd-landlock-dev-only", _PRIVILEGED, (_landlock(_ALL, f"{_ALL:#x}:/dev"),)),
    Configuration("odd-landlock-null", _PRIVILEGED, (_landlock(_WRITE, "0xffff:/dev/null"),)),
    Configuration("odd-landlock-all-allowed", _UNCONFINED, (_landlock(_ALL, f"{_ALL:#x}:/"),)),
    Configuration("odd-landlock-two-layers", _PRIVILEGED,
                  (_landlock(_WRITE, "0xffff:/"), _landlock(0x100, "0x100:/tmp"))),
    Configuration("odd-landlock-files-of-the-host", (*_UNCONFINED, "-v", "{folder}/mounted:/host"),
                  (_landlock(_ALL, *_LOOKS, f"{_ALL:#x}:/tmp"),)),
    Configuration("odd-landlock-a-folder-of-the-host", (*_UNCONFINED, "-v", "{folder}/mounted:/host"),
                  (_landlock(_ALL, *_LOOKS, f"{_ALL:#x}:/host"),)),
    Configuration("odd-landlock-no-execution", _UNCONFINED, (_landlock(1),)),
    Configuration("odd-landlock-scopes", ("--network", "host", "--pid", "host", *_UNCONFINED),
                  (_landlock(0, scopes=3),)),
    Configuration("odd-landlock-network", ("--network", "host", *_UNCONFINED), (_landlock(0, network=3),)),
    Configuration("odd-landlock-host-processes", ("--pid", "host", *_PRIVILEGED), (_landlock(1 << 12),)),
    Configuration("odd-landlock-asked-no-new", (*_UNCONFINED, *_NO_NEW), (_landlock(_WRITE, "0xffff:/tmp"),)),
    Configuration("odd-landlock-other-user", ("--user", "1000", *_UNCONFINED), (_landlock(_WRITE),)),
    Configuration("odd-bits-laid-down", _UNCONFINED, ("no-capabilities",)),
    Configuration("odd-bits-laid-down-privileged", _PRIVILEGED, ("no-capabilities",)),
    Configuration("odd-bits-no-root", _PRIVILEGED, ("securebits=3", "no-capabilities")),
    Configuration("odd-bits-no-root-default", _UNCONFINED, ("securebits=3", "no-capabilities")),
    Configuration("odd-bits-no-root-unlocked", _PRIVILEGED, ("securebits=1",)),
    Configuration("odd-bits-no-root-unlocked-laid-down", _PRIVILEGED, ("securebits=1", "no-capabilities")),
    Configuration("odd-bits-others", _PRIVILEGED, ("securebits=0xfc", "no-capabilities")),
)  # fmt: skip
# nobody but root can read what a process did to itself by Landlock, or its securebits
UNSEEN = frozenset(item.name for item in SCENARIOS)
