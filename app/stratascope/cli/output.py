"""Printing: colour and Unicode only where the other end shows them, and no traceback when it hangs up."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratascope.report.text import Style


def style(*, details: bool = False) -> Style:
    """How to print on this standard output. NO_COLOR (no-color.org) is respected."""
    from stratascope.report.text import Style

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Style(colour=colour, unicode=encoding.startswith("utf"), details=details)


def write(text: str) -> None:
    """Print to standard output; what its encoding lacks is escaped. A closed pipe ends quietly."""
    encoding = sys.stdout.encoding or "ascii"
    safe = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stdout.write(safe)
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough; nothing may be written at exit either
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(text: str) -> None:
    """Print to standard error."""
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(f"stratascope: {text}\n".encode(encoding, "backslashreplace").decode(encoding))
