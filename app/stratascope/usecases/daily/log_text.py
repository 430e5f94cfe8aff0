"""A container's output as plain text: without colours, cursor movements and anything else that could act. Pure."""

from __future__ import annotations

import re

from stratascope.core.sanitize import plain

# ECMA-48: CSI sequences; OSC, DCS, SOS, PM and APC strings, terminated or not; two-character escapes
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?|\x9b[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_TAB = 8  # columns, as a terminal has them


def plain_line(text: str) -> str:
    """One line as a terminal would show it in the end: text before a carriage return is overwritten."""
    shown = _ESCAPES.sub("", text.rstrip("\r\n"))
    if "\r" in shown:
        shown = next((part for part in reversed(shown.split("\r")) if part), "")
    if "\b" in shown:
        shown = re.sub(r"[^\x08]\x08", "", shown)
    return plain(shown.expandtabs(_TAB))
