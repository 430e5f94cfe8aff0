"""The second half of `log_words`: what is said of places to write, programs, libraries and rights; the general last."""

from __future__ import annotations

from stratascope.core.denials.complaints import DENIED, NEEDS, NOT_PERMITTED, READ_ONLY, REFUSED
from stratascope.core.denials.denial import FILES
from stratascope.core.denials.ended.asked_for import (
    lacks_one,
    of_kernel,
    on_noexec,
    on_read_only_mount,
    on_root,
    on_root_said,
    rights,
    root_without_files,
    runnable,
    writable,
)
from stratascope.core.denials.ended.ending import IMAGE, PROGRAM
from stratascope.core.denials.ended.saying import Saying
from stratascope.core.message import msg

_RIGHTS = tuple(
    Saying(
        rf"(?:{word}).*?(?:{REFUSED})|(?:{REFUSED}).*?(?:{word})",
        "capabilities",
        msg("For what it tried it takes {names}, which it does not have.",
            names=", ".join(name.removeprefix("CAP_") for name in names)),
        rights(names),
        lacks_one(names),
    )
    for word, names in NEEDS
    if names != ("CAP_NET_BIND_SERVICE",)  # that of ports is told with the port
)  # fmt: skip

FILE_SAYINGS = (
    # -- where it may not write
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It may not write to {path}: that part of /proc or /sys is read-only."),
        writable,
        of_kernel,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It may not write to {path}: that mount is read-only."),
        writable,
        on_read_only_mount,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It may not write to {path}: its root file system is read-only."),
        writable,
        on_root_said,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It may not write there: its root file system is read-only."),
        writable,
        on_root,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It may not write to a file system that is mounted read-only."),
    ),
    # -- programs and libraries
    Saying(
        r"(?P<name>[\w.+-]+\.so[\w.]*):? (?:cannot open shared object|no such file)|error loading shared library "
        r"(?P<name2>[^\s:]+)|could not load library (?P<name3>\S+)",
        IMAGE,
        msg("The library {name} is missing in its image."),
    ),
    Saying(
        r"version [`'\"](?P<name>GLIBC\w*_[\w.]+)[`'\"]? not found",
        IMAGE,
        msg("Its program wants a newer C library ({name}) than its image has. Build it on the same system."),
    ),
    Saying(
        r"no module named ['\"]?(?P<name>[\w.]+)|cannot find (?:module|package) ['\"](?P<name2>[^'\"]+)"
        r"|could not find or load main class (?P<name3>\S+)|noclassdeffounderror: (?P<name4>\S+)",
        IMAGE,
        msg("Its program needs {name}, which is not in the image, or is covered by a mount."),
    ),
    Saying(
        r"exec format error|cannot execute binary file",
        IMAGE,
        msg("A program in it is not made for this machine, or is a script without a first line (#!)."),
    ),
    Saying(
        r"(?:env: |exec: )[`'\"‘]?(?P<name>[^`'\"’:]+?)\\?r?[`'\"’]?: no such file|(?P<name2>[\w./-]+): "
        r"(?:command )?not found",
        IMAGE,
        msg("There is no program {name} in it, or its script's lines end in the way of Windows (CRLF)."),
    ),
    Saying(
        r"unable to open database file|database is locked|has wrong ownership|has invalid permissions|too permissive",
        FILES,
        msg("Its data can't be used as they are: owner and mode of the folder are not what it wants."),
    ),
    Saying(
        r"is uninitialized and (?:superuser )?password|environment variable[^\n]{0,60}(?:not set|required|missing)"
        r"|missing required (?:option|argument|environment)",
        PROGRAM,
        msg("A setting that it needs is missing: see which variables and options its image wants."),
    ),
    # -- rights, the general last
    *_RIGHTS,
    Saying(
        rf"\bexec\b.*(?:{DENIED})|(?:{DENIED}).*\bexec\b|cannot execute",
        "namespaces",
        msg("{path} lies on a file system in memory, from which no program may be run (noexec)."),
        runnable,
        on_noexec,
    ),
    Saying(
        r"are you root|only root|requires? root|superuser privileges",
        "capabilities",
        msg("It is root, and lacks a capability that root has elsewhere."),
    ),
    Saying(
        DENIED,
        "capabilities",
        msg("It is root without DAC_OVERRIDE, so owner and mode of files count for it, and {path} is not for it."),
        rights(("CAP_DAC_OVERRIDE",)),
        lambda asked, found: "path" in found and root_without_files(asked, found),
    ),
    Saying(  # a name without its folder, as find(1) prints it
        DENIED,
        "capabilities",
        msg("It is root without DAC_OVERRIDE, so owner and mode of files count for it."),
        rights(("CAP_DAC_OVERRIDE",)),
        root_without_files,
    ),
    Saying(
        DENIED,
        FILES,
        msg("It may not use {path}: by owner and mode it is not for its user, or SELinux's label is not right."),
        fits=lambda asked, found: "path" in found,
    ),
    Saying(
        DENIED,
        FILES,
        msg("A file or folder is not for its user, by owner and mode, or SELinux's label is not right."),
    ),
    Saying(
        NOT_PERMITTED,
        "capabilities",
        msg(
            "The kernel refused something that takes a right: a capability is missing, or a filter stopped the call. "
            "Watch it, and it is told which."
        ),
    ),
    Saying(
        r"no such file or directory|\bENOENT\b|cannot find the file|filenotfound",
        PROGRAM,
        msg("A file that it needs is not there: {path}."),
        fits=lambda asked, found: "path" in found,
    ),
)
