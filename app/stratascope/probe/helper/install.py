"""The two files of an installed helper, the helper itself and its polkit policy: contents, installation and removal.

The helper is the collector as one program, without any other file of ours. The policy's action names only its path,
never an interpreter, so whoever is asked for a password knows what runs. Only users at this machine are asked. The
authorisation is kept for some minutes for the very process that asked (polkit 126, tried: another process of the same
user is asked again), so that no other program starts the helper unseen. The action's text is packaging/polkit's file.

`stratascope helper install` puts both in place. If we are not root ourselves, `sealed_files` is sent as source by the
way that the caller gives, and this side only writes its request and reads its reply. For packagers, `python -m
stratascope.probe.helper.install FOLDER` writes both.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stratascope import resources, sealed_files
from stratascope.probe.bundle import program
from stratascope.sealed_files import Placed, Taken
from stratascope.value import Value

ACTION = "io.github.stratascope.Stratascope.read-as-root"
HELPER = "/usr/libexec/stratascope-helper"
POLICY = "/usr/share/polkit-1/actions/io.github.stratascope.Stratascope.policy"
_FIRST_LINE = b"#!/usr/bin/python3 -SI\n"


def helper_text() -> bytes:
    """The helper, to be installed as HELPER with mode 0755, owned by root. Raises IncompleteError."""
    return _FIRST_LINE + program()


def policy_text() -> str:
    """The action, to be installed as POLICY with mode 0644. Raises MissingResourceError."""
    return resources.read_text(f"polkit/{Path(POLICY).name}")


def write(folder: Path) -> tuple[Path, Path]:
    """Write both files, with their modes and installed names. Raises OSError, IncompleteError."""
    helper, policy = folder / Path(HELPER).name, folder / Path(POLICY).name
    helper.write_bytes(helper_text())
    helper.chmod(0o755)
    policy.write_text(policy_text(), "utf-8")
    policy.chmod(0o644)
    return helper, policy


def main(words: Sequence[str]) -> int:
    """Write them into the directory named on the command line."""
    if len(words) != 1 or words[0].startswith("-"):
        sys.stderr.write("usage: python -m stratascope.probe.helper.install FOLDER\n")
        return 2
    try:
        written = write(Path(words[0]))
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))


AsRoot = Callable[[bytes, bytes], bytes]  # runs a program as root with that standard input; returns its output


class NonsenseError(Exception):
    """The process run as root sent an invalid reply."""


class HelperFiles(Value):
    """The two files with their contents."""

    helper: Path
    helper_text: bytes
    policy: Path
    policy_text: bytes

    def planned(self) -> tuple[sealed_files.File, sealed_files.File]:
        """Both as written: sealed, with their modes."""
        return (
            (str(self.helper), 0o755, sealed_files.sealed(self.helper_text)),
            (str(self.policy), 0o644, sealed_files.sealed(self.policy_text, b"<!-- ", b" -->")),
        )

    @property
    def needed(self) -> tuple[str, ...]:
        """Directories that must exist: without polkit the helper would never be called."""
        return (str(self.policy.parent),)

    def installed(self) -> bool:
        """Whether both files are there, unchanged. Raises OSError."""
        return all(sealed_files.same(file, root=True) for file in self.planned())

    def absent(self) -> bool:
        """Whether there is nothing to remove. Raises OSError."""
        return all(sealed_files.state_of(path) == sealed_files.ABSENT for path, _, _ in self.planned())

    def install(self, as_root: AsRoot | None) -> Placed:
        """Write them; `as_root` None: we are root. Raises BlockedError, OSError, NonsenseError, and what `as_root`
        raises.
        """
        wanted = list(self.planned())
        if as_root is None:
            written = _with_mask(lambda: sealed_files.put(wanted, self.needed, root=True))
        else:
            texts = [(path, mode, base64.b64encode(text).decode()) for path, mode, text in wanted]
            reply = _asked(as_root, {"do": "put", "files": texts, "needed": self.needed})
            written = _strings(reply.get("done"))
        unchanged = tuple(Path(path) for path, _, _ in wanted if path not in written)
        return Placed(tuple(Path(path) for path in written), unchanged)

    def remove(self, as_root: AsRoot | None) -> Taken:
        """Remove them; `as_root` None: we are root. Raises OSError, NonsenseError, and what `as_root` raises."""
        paths = [path for path, _, _ in self.planned()]
        # some distributions don't have it, so we may have created it; elsewhere it is not empty
        folders = [str(self.helper.parent)]
        if as_root is None:
            gone, kept = sealed_files.take(paths, folders, root=True)
        else:
            reply = _asked(as_root, {"do": "take", "paths": paths, "folders": folders})
            gone, kept = _strings(reply.get("done")), _pairs(reply.get("kept"))
        remaining = tuple((Path(path), state) for path, state in kept)
        return Taken(tuple(Path(path) for path in gone), remaining)


def writer() -> bytes:
    """The source of `sealed_files` as a program of its own. Raises OSError."""
    from importlib import resources  # the source is package data (PyInstaller is configured to include it)

    text = resources.files("stratascope").joinpath("sealed_files.py").read_text("utf-8")
    return f"# Stratascope writes or removes its helper\n{text}\nmain()\n".encode()


def _with_mask(act: Callable[[], list[str]]) -> list[str]:
    before = os.umask(0o022)
    try:
        return act()
    finally:
        os.umask(before)


def _asked(as_root: AsRoot, request: dict[str, Any]) -> dict[str, Any]:
    answer = as_root(writer(), json.dumps(request).encode("ascii"))
    try:
        reply = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NonsenseError(str(error)) from error
    if not isinstance(reply, dict) or reply.get("stratascope") != "placed":
        raise NonsenseError("not a reply of ours")
    if "error" in reply:
        number, path = _error(reply["error"])
        raise OSError(number, os.strerror(number), path or None)
    if "done" not in reply:
        raise sealed_files.BlockedError(_pairs(reply.get("kept")))
    return reply


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise NonsenseError("a list of paths was expected")
    return value


def _pairs(value: object) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        raise NonsenseError("a list of pairs was expected")
    found = []
    for each in value:
        if not isinstance(each, list) or len(each) != 2:
            raise NonsenseError("a path with its state was expected")
        path, state = _strings(each)
        found.append((path, state))
    return found


def _error(value: object) -> tuple[int, str]:
    match value:
        case [int(number), str(path)]:
            return number, path
    raise NonsenseError("a number with a path was expected")
