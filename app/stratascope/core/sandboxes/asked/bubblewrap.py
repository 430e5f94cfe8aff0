"""bwrap(1): the arguments of its process, which stay as they were given; those of `--args FD` are not to be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import KINDS, with_modes

# How many words follow an option; those that are not here have none
_TAKES = {
    **dict.fromkeys(
        (
            *(
                "args",
                "argv0",
                "userns",
                "userns2",
                "pidns",
                "uid",
                "gid",
                "hostname",
                "chdir",
                "unsetenv",
                "lock-file",
            ),
            *("sync-fd", "block-fd", "userns-block-fd", "info-fd", "json-status-fd", "remount-ro", "dir"),
            *(
                "exec-label",
                "file-label",
                "proc",
                "dev",
                "tmpfs",
                "mqueue",
                "seccomp",
                "add-seccomp-fd",
                "cap-add",
                "cap-drop",
            ),
            *("perms", "size", "overlay-src", "tmp-overlay", "ro-overlay"),
        ),
        1,
    ),
    **dict.fromkeys(
        (
            *("setenv", "bind", "bind-try", "dev-bind", "dev-bind-try", "ro-bind", "ro-bind-try", "bind-fd"),
            *("ro-bind-fd", "file", "bind-data", "ro-bind-data", "symlink", "chmod"),
        ),
        2,
    ),
    "overlay": 3,
}


def read(argv: Sequence[str]) -> AskedOf:
    """By its command line, its own name first."""
    given = list(_options(argv))
    command = tuple(argv[end_of_options(argv) :])
    command = command[1:] if command[:1] == ("--",) else command
    if any(option == "args" for option, _ in given):
        return AskedOf(command=command)
    return AskedOf(command=command, asked=_asked(given))


def end_of_options(argv: Sequence[str]) -> int:
    """Where the first word stands that is none of its options: its command, or what separates it."""
    return 1 + sum(1 + len(words) for _, words in _options(argv))


def _options(argv: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    place = 1
    while place < len(argv) and argv[place].startswith("--") and argv[place] != "--":
        option = argv[place][2:]
        words = tuple(argv[place + 1 : place + 1 + _TAKES.get(option, 0)])
        yield option, words
        place += 1 + len(words)


def _asked(given: Sequence[tuple[str, tuple[str, ...]]]) -> Asked:
    names = {option for option, _ in given}
    own = {kind for kind in KINDS if {f"unshare-{kind}", f"unshare-{kind}-try", "unshare-all"} & names}
    if "share-net" in names:
        own.discard("net")
    mounts = tuple(found for option, words in given if (found := _mount(option, words)) is not None)
    held = Asked(
        user=next((words[0] for option, words in given if option == "uid" and words), ""),
        read_only_root=any(mount.target == "/" and not mount.writable for mount in mounts)
        or any(option == "remount-ro" and words == ("/",) for option, words in given),
        masked_paths=(),
        read_only_paths=(),
        mounts=tuple(mount for mount in mounts if mount.target != "/"),
        device_rules=None,
        cap_add=tuple(words[0] for option, words in given if option == "cap-add" and words),
        cap_drop=tuple(words[0] for option, words in given if option == "cap-drop" and words),
        no_new_privileges=True,  # always: bubblewrap.c, main
        seccomp=ProfileKind.CUSTOM if names & {"seccomp", "add-seccomp-fd"} else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.UNCONFINED,
    )
    return with_modes(held, own)


def _mount(option: str, words: tuple[str, ...]) -> AskedMount | None:
    kind = option.removesuffix("-try")
    if kind in ("bind", "ro-bind", "dev-bind") and len(words) == 2:
        return AskedMount("bind", words[0], words[1], kind != "ro-bind", options="" if kind == "dev-bind" else "nodev")
    if kind in ("bind-data", "ro-bind-data", "file") and len(words) == 2:
        return AskedMount("bind", "", words[1], not kind.startswith("ro-"))
    if kind in ("tmpfs", "proc", "dev", "mqueue") and len(words) == 1:
        return AskedMount(kind, "", words[0], writable=True)
    return None
