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
        msg("What it tried requires {lacking}, which it does not have."),
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
        msg("It can't write to {path}: that part of /proc or /sys is read-only."),
        writable,
        of_kernel,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to {path}: that mount is read-only."),
        writable,
        on_read_only_mount,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to {path}: its root file system is read-only."),
        writable,
        on_root_said,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write there: its root file system is read-only."),
        writable,
        on_root,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to a file system that is mounted read-only."),
    ),
    # -- programs and libraries
    Saying(
        r"(?P<name>[\w.+-]+\.so[\w.]*):? (?:cannot open shared object|no such file)|error loading shared library "
        r"(?P<name2>[^\s:]+)|could not load library (?P<name3>\S+)",
        IMAGE,
        msg("The library {name} is missing from its image."),
    ),
    Saying(
        r"version [`'\"](?P<name>GLIBC\w*_[\w.]+)[`'\"]? not found",
        IMAGE,
        msg("Its program needs a newer C library ({name}) than its image has. Build it on the same system."),
    ),
    Saying(
        r"no module named ['\"]?(?P<name>[\w.]+)|cannot find (?:module|package) ['\"](?P<name2>[^'\"]+)"
        r"|could not find or load main class (?P<name3>\S+)|noclassdeffounderror: (?P<name4>\S+)",
        IMAGE,
        msg("Its program needs {name}, which is not in the image, or is hidden by a mount."),
    ),
    Saying(
        r"exec format error|cannot execute binary file",
        IMAGE,
        msg("One of its programs is not built for this machine, or is a script without an interpreter line (#!)."),
    ),
    Saying(
        r"(?:env: |exec: )[`'\"‘]?(?P<name>[^`'\"’:]+?)\\?r?[`'\"’]?: no such file|(?P<name2>[\w./-]+): "
        r"(?:command )?not found",
        IMAGE,
        msg("There is no program {name} in it, or its script has Windows line endings (CRLF)."),
    ),
    Saying(
        r"unable to open database file|database is locked|has wrong ownership|has invalid permissions|too permissive",
        FILES,
        msg("Its data can't be used as they are: the folder's owner or mode is not what it expects."),
    ),
    Saying(
        r"is uninitialized and (?:superuser )?password|environment variable[^\n]{0,60}(?:not set|required|missing)"
        r"|missing required (?:option|argument|environment)",
        PROGRAM,
        msg("A required setting is missing: check which variables and options its image expects."),
    ),
    # -- rights, the general last
    *_RIGHTS,
    Saying(
        rf"\bexec\b.*(?:{DENIED})|(?:{DENIED}).*\bexec\b|cannot execute",
        "namespaces",
        msg("{path} is on a file system in memory from which no program can be run (noexec)."),
        runnable,
        on_noexec,
    ),
    Saying(
        r"are you root|only root|requires? root|superuser privileges",
        "capabilities",
        msg("It is root, but lacks a capability that root usually has."),
    ),
    Saying(
        DENIED,
        "capabilities",
        msg(
            "It is root without DAC_OVERRIDE, so the owner and mode of files apply to it, and they do not let it use "
            "{path}."
        ),
        rights(("CAP_DAC_OVERRIDE",)),
        lambda asked, found: "path" in found and root_without_files(asked, found),
    ),
    Saying(  # a name without its folder, as find(1) prints it
        DENIED,
        "capabilities",
        msg("It is root without DAC_OVERRIDE, so the owner and mode of files apply to it."),
        rights(("CAP_DAC_OVERRIDE",)),
        root_without_files,
    ),
    Saying(
        DENIED,
        FILES,
        msg("It can't use {path}: its owner and mode exclude this user, or its SELinux label is wrong."),
        fits=lambda asked, found: "path" in found,
    ),
    Saying(
        DENIED,
        FILES,
        msg("It can't use a file or folder: the owner and mode exclude its user, or the SELinux label is wrong."),
    ),
    Saying(
        NOT_PERMITTED,
        "capabilities",
        msg(
            "The kernel refused something privileged: a capability is missing, or a filter stopped the call. Watch "
            "it to find out which."
        ),
    ),
    Saying(
        r"no such file or directory|\bENOENT\b|cannot find the file|filenotfound",
        PROGRAM,
        msg("A file that it needs does not exist: {path}."),
        fits=lambda asked, found: "path" in found,
    ),
)
