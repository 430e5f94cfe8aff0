"""Changed options written into a run command: the words that go are taken out, new ones stand in front of the image."""

from __future__ import annotations

from stratascope.core import shell_quote
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import Service


def rewritten(text: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    old, new = change.old, _words(change)
    if old is not None:
        if old.span is None:
            raise UnwritableError(old.name)
        start, end = old.span
        return text[:start] + new + text[end:] if new else _without(text, start, end)
    if service.options_end is None:
        raise UnwritableError(change.name)
    at = service.options_end
    line = text[text.rfind("\n", 0, at) + 1 : at]
    joint = f" \\\n{line}" if not line.strip() and "\n" in text[:at] else " "
    return text[:at] + new + joint + text[at:]


def _words(change: Change) -> str:
    if not change.name:
        return ""
    if change.value == "true":
        return f"--{change.name}"
    if "$" in change.value or "`" in change.value:  # the shell goes on to replace it
        quoted = change.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'--{change.name} "{quoted}"'
    return f"--{change.name} {shell_quote.word(change.value)}"


def _without(text: str, start: int, end: int) -> str:
    """Without these words, and without the line where nothing is left of it."""
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    begin = text.rfind("\n", 0, start) + 1
    if not text[begin:start].strip() and text[end : end + 2] == "\\\n" and begin:
        return text[:begin] + text[end + 2 :]
    return text[:start] + text[end:]
