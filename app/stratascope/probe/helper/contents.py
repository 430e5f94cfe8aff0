"""The two files by which an installed helper is started as root: the helper itself, and polkit's word on who may.

The helper is the collector as one program, with nothing of ours beside it. The action names its path alone, never an
interpreter, so whoever is asked for a password knows what runs. Only who sits at this machine is asked. The answer is
kept for some minutes for the very process that asked (polkit 126, tried: another process of the same user is asked
again), so that no other program starts the helper unseen. The action's text is packaging/polkit's file.

`stratascope helper install` puts both in place (`install`); for who packages the program,
`python -m stratascope.probe.helper.contents FOLDER` writes them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from stratascope import resources
from stratascope.probe.bundle import program

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
    """Both files, with their modes, under the names that they are installed by. Raises OSError, IncompleteError."""
    helper, policy = folder / Path(HELPER).name, folder / Path(POLICY).name
    helper.write_bytes(helper_text())
    helper.chmod(0o755)
    policy.write_text(policy_text(), "utf-8")
    policy.chmod(0o644)
    return helper, policy


def main(words: Sequence[str]) -> int:
    """Write them into the folder that is named."""
    if len(words) != 1 or words[0].startswith("-"):
        sys.stderr.write("usage: python -m stratascope.probe.helper.contents FOLDER\n")
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
