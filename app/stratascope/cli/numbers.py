"""Numbers that are typed as options, each with the sentence that says what was expected."""

from __future__ import annotations

import argparse
import math
import re

from stratascope.core.history import LONGEST
from stratascope.core.message import msg
from stratascope.core.observation import SECONDS_MOST
from stratascope.core.relaunch.transaction import REPEATS_MOST, WATCH_MOST
from stratascope.i18n.translate import translate

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_LENGTH = re.compile(r"([0-9]{1,6})([mhdw])").fullmatch


def seconds(text: str, most: float = WATCH_MOST) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= most:
        raise argparse.ArgumentTypeError(
            translate(msg("expected a number of seconds from 0 to {most}, not {text}", most=round(most), text=text))
        )
    return value


def repeats(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= REPEATS_MOST:
        raise argparse.ArgumentTypeError(
            translate(msg("expected a number from 1 to {most}, not {text}", most=REPEATS_MOST, text=text))
        )
    return int(text)


def observing(text: str) -> float:
    return seconds(text, SECONDS_MOST)


def exposure(text: str) -> float:
    """A number from 0 to 10."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 10.0:  # NaN neither
        raise argparse.ArgumentTypeError(translate(msg("not a number from 0 to 10: {text}", text=text)))
    return number


def since(text: str) -> float:
    """`30m`, `12h`, `1d`, `2w` or `all`, in seconds."""
    if text == "all":
        return LONGEST
    found = _LENGTH(text)
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(
            translate(msg("expected a time such as 30m, 12h, 1d, 2w or all, not {text}", text=text))
        )
    return min(int(found[1]) * _UNITS[found[2]], LONGEST)
