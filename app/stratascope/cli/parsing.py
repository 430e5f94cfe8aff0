"""argparse in the program's language: its own texts and errors, option values as numbers, and wrapping by the width of
letters.

argparse translates its texts with gettext functions bound in its module, for which no catalogue exists. `speak` rebinds
these to our catalogue; the texts are listed here so that they are extracted, and a test compares the list with what
current Pythons use. Decided against gettext.textdomain with LANGUAGE set in the environment: podman and ssh, which we
start, would answer in that language too.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

from stratascope.cli.output import columns
from stratascope.core.history import LONGEST
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation import SECONDS_MOST
from stratascope.core.relaunch.transaction import REPEATS_MOST, WATCH_MOST
from stratascope.i18n.translate import translate

WORDS = (
    msg("usage: "),
    msg("positional arguments"),
    msg("options"),
    msg("subcommands"),
    msg("%(heading)s:"),
    msg("show this help message and exit"),
    msg("%(prog)s: error: %(message)s\n"),
    msg("argument %(argument_name)s: %(message)s"),
    msg("the following arguments are required: %s"),
    msg("one of the arguments %s is required"),
    msg("unrecognized arguments: %s"),
    msg("not allowed with argument %s"),
    msg("ignored explicit argument %r"),
    msg("expected one argument"),
    msg("expected at most one argument"),
    msg("expected at least one argument"),
    plural("expected %s argument", "expected %s arguments", 1),
    msg("ambiguous option: %(option)s could match %(matches)s"),
    msg("invalid %(type)s value: %(value)r"),
    msg("invalid choice: %(value)r (choose from %(choices)s)"),
    msg("invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)"),
)


def speak() -> None:
    """Make argparse use our catalogue."""
    setattr(argparse, "_", _translated)  # noqa: B010
    setattr(argparse, "ngettext", _counted)  # noqa: B010


def _translated(text: str | None) -> str | None:
    return translate(Message(text)) if text else text


def _counted(one: str, many: str, count: int) -> str:
    return translate(Message(one, (), many, count))


def help_text(text: Message) -> str:
    """A translated text with % escaped for argparse."""
    return translate(text).replace("%", "%%")


class Formatter(argparse.HelpFormatter):
    """Wraps by terminal cells."""

    def __init__(self, prog: str, *words: Any, **more: Any) -> None:
        # created for each argument, not only for help; without a width, argparse would import shutil and its archivers
        super().__init__(prog, *words, **{"width": (columns() or 80) - 2, **more})

    def _split_lines(self, text: str, width: int) -> list[str]:
        return super()._split_lines(text, width) if text.isascii() else _lines(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:  # examples, a line each, to be copied
            return text
        return super()._fill_text(text, width, indent) if text.isascii() else "\n".join(_lines(text, width, indent))


def _lines(text: str, width: int, indent: str = "") -> list[str]:
    from stratascope.presentation.terminal import Style, wrap  # only help needs the widths of letters

    return wrap(" ".join(text.split()), indent, Style(width=width))


class Parser(argparse.ArgumentParser):
    """Allows no abbreviations; escapes characters that the terminal's encoding lacks."""

    takes_command = False  # whether words after `--` are a command, stored as `command_words`

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **{"formatter_class": Formatter, "allow_abbrev": False, **more})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Split off the words after `--`, if a command is expected there: argparse would mix them with our options."""
        words = list(args or ())
        if not self.takes_command:
            return super().parse_known_args(args, namespace)
        place = words.index("--") if "--" in words else len(words)
        found, rest = super().parse_known_args(words[:place], namespace)
        found.command_words = words[place + 1 :]
        return found, rest

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown words, with suggestions."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            text = translate(Message("unrecognized arguments: %s")) % " ".join(rest)
            close = [near for word in rest if (near := self._near(word.partition("=")[0], found))]
            if close:
                text = translate(msg("{text} (did you mean {words}?)", text=text, words=", ".join(close)))
            self.error(text)
        return found

    def _near(self, word: str, found: Any) -> str:
        """The most similar option of that command; empty if there is none."""
        from difflib import get_close_matches

        command = getattr(found, "command", None)
        below = [each for each in self._actions if isinstance(each, argparse._SubParsersAction)]
        choices = dict(below[0].choices) if below else {}
        parser = choices.get(command or "", self)
        known = [option for action in parser._actions for option in action.option_strings if option.startswith("--")]
        close = get_close_matches(word, known, 1, 0.6) if word.startswith("-") else []
        return close[0] if close else ""

    def error(self, message: str) -> NoReturn:
        """Add the most similar command to the error about an unknown one (from Python 3.14 on, argparse does)."""
        from difflib import get_close_matches

        below = next((each for each in self._actions if isinstance(each, argparse._SubParsersAction)), None)
        for word in re.findall(r"'([^']*)'", message)[:1] if below is not None and "maybe" not in message else ():
            close = get_close_matches(word, list(below.choices) if below is not None else [], 1, 0.6)
            if close and word not in close:
                message = translate(msg("{text} (did you mean {words}?)", text=message, words=close[0]))
        super().error(message)

    def _print_message(self, message: str, file: Any = None) -> None:
        stream = file or sys.stderr
        encoding = getattr(stream, "encoding", None) or "ascii"
        super()._print_message(message.encode(encoding, "backslashreplace").decode(encoding), file)


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
    if not 0.0 <= number <= 10.0:  # also rejects NaN
        raise argparse.ArgumentTypeError(translate(msg("not a number from 0 to 10: {text}", text=text)))
    return number


def columns_of(*names: str) -> Callable[[str], tuple[str, ...]]:
    """The type of an option that takes some of these, separated by commas, each once."""

    def parse(text: str) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(each.strip() for each in text.split(",")))
        if unknown := next((each for each in wanted if each not in names), None):
            known = ", ".join(names)
            raise argparse.ArgumentTypeError(translate(msg("no column {name}: choose from {names}", name=unknown,
                                                           names=known)))  # fmt: skip
        if not all(wanted):
            raise argparse.ArgumentTypeError(translate(msg("a column's name is missing")))
        return wanted

    return parse


def since(text: str) -> float:
    """`30m`, `12h`, `1d`, `2w`, a day (`yesterday` or `2026-11-30`, from its beginning) or `all`, in seconds."""
    if text == "all":
        return LONGEST
    if (day := _day(text)) is not None:
        return min(max(1.0, time.time() - day), LONGEST)
    found = _LENGTH(text)
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(
            translate(
                msg(
                    "expected a time such as 30m, 12h, 1d, 2w, yesterday, a day such as 2026-11-30, or all, not {text}",
                    text=text,
                )
            )
        )
    return min(int(found[1]) * _UNITS[found[2]], LONGEST)


def _day(text: str) -> float | None:
    """The beginning of that day here, in seconds since the epoch; None if it is none, or not over yet."""
    try:
        day = date.today() - timedelta(1) if text == "yesterday" else date.fromisoformat(text)
        at = datetime(day.year, day.month, day.day).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at if at < time.time() else None
