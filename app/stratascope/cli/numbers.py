"""Numbers that are typed as options, each with the sentence that says what was expected."""

from __future__ import annotations

import argparse
import math

from stratascope.core.message import msg
from stratascope.core.observation import SECONDS_MOST
from stratascope.core.relaunch.transaction import REPEATS_MOST, WATCH_MOST
from stratascope.i18n.translate import translate


def seconds(text: str, most: float = WATCH_MOST) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= most:
        raise argparse.ArgumentTypeError(
            translate(msg("a number of seconds from 0 to {most} was expected, not {text}", most=round(most), text=text))
        )
    return value


def repeats(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= REPEATS_MOST:
        raise argparse.ArgumentTypeError(
            translate(msg("a number from 1 to {most} was expected, not {text}", most=REPEATS_MOST, text=text))
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
