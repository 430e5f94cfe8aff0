"""The difference between a text and its original, by lines."""

from __future__ import annotations

import difflib


def difference(before: str, after: str, file: str, context: int = 3) -> list[str]:
    """As patch(1) takes it; empty if they are equal."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}", n=context
    )
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]


def changed_lines(before: str, after: str) -> tuple[str, ...]:
    """Removed lines, with a leading -, and added lines, with +; without line ends."""
    lines = [line.rstrip("\n") for line in difference(before, after, "", 0)[2:]]
    return tuple(line for line in lines if not line.startswith(("@@", "\\")))
