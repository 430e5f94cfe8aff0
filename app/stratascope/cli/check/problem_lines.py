"""What could not be read of a text, as compilers say it."""

from __future__ import annotations

from stratascope.core.options.given import Problem
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate


def problem_line(problem: Problem) -> str:
    """`FILE:LINE: sentence`."""
    place = plain(str(problem.place), 200)
    text = translate(problem.text)
    return f"{place}: {text}" if place else text
