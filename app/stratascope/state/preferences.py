"""What a person can choose, in one table: key in the settings, default, and what counts as a value.

A text that is no value (edited by hand, written by a newer version) counts as not chosen, and stays in the file until
something else is chosen. Decided against storing defaults: a better default should reach those who never chose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from stratascope.core.relaunch import transaction
from stratascope.i18n.language import LANGUAGES, SETTING
from stratascope.value import Value

T = TypeVar("T")


class Kept(Protocol):
    """Where the texts are kept."""

    def get(self, key: str) -> str | None:
        """The text under `key`."""

    def set(self, key: str, value: str) -> None:
        """Keep `value`; never raises."""


class Preference(Value, Generic[T]):
    """`parse` raises ValueError for what is no value; `text` is its inverse."""

    key: str
    default: T
    parse: Callable[[str], T]
    text: Callable[[T], str]

    def of(self, kept: Kept) -> T:
        """What was chosen, else the default."""
        said = kept.get(self.key)
        if said is None:
            return self.default
        try:
            return self.parse(said)
        except ValueError:
            return self.default

    def choose(self, kept: Kept, value: T) -> None:
        """Keep it. Raises ValueError where it is no value."""
        text = self.text(value)
        self.parse(text)
        kept.set(self.key, text)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if math.isnan(value) or not least <= value <= most:
            raise ValueError(text)
        return value

    return parse


def _limit(text: str) -> float | None:
    return None if text == _NEVER else _number(0.0, 10.0)(text)


def _switch(text: str) -> bool:
    if text not in (_ON, _OFF):
        raise ValueError(text)
    return text == _ON


def _addresses(text: str) -> tuple[str, ...]:
    """Addresses separated by white space, each as in STRATASCOPE_ENGINES."""
    found = tuple(text.split())
    for word in found:
        address = word.partition("=")[2] if word.startswith(("docker=", "podman=")) else word
        if not address.startswith(("/", "unix://", "ssh://", "tcp://", "http://", "https://")) or len(address) < 2:
            raise ValueError(word)
    return found


_NEVER, _ON, _OFF = "never", "on", "off"
REFRESH_LEAST, REFRESH_MOST = 1.0, 60.0  # seconds
LANGUAGE = Preference(SETTING, "", _one_of("", *LANGUAGES), str)  # "" is the desktop's
THEME = Preference("theme", "auto", _one_of("auto", "light", "dark"), str)
# seconds between readings of the container that is looked at
REFRESH = Preference("refresh", 2.0, _number(REFRESH_LEAST, REFRESH_MOST), "{:g}".format)
# seconds that a replacement is watched before it counts as good
WATCH = Preference("watch", transaction.WATCH, _number(0.0, transaction.WATCH_MOST), "{:g}".format)
# engines beside those that are found
ENGINES: Preference[tuple[str, ...]] = Preference("engines", (), _addresses, "\n".join)
# exposure above which a container that appears is told; None: never
NOTIFY_ABOVE: Preference[float | None] = Preference(
    "notify_above", 9.0, _limit, lambda value: _NEVER if value is None else f"{value:g}"
)
# whether it is told when a hardened container fails
NOTIFY_FAILURE = Preference("notify_failure", True, _switch, lambda value: _ON if value else _OFF)

TABLE: tuple[Preference[Any], ...] = (LANGUAGE, THEME, REFRESH, WATCH, ENGINES, NOTIFY_ABOVE, NOTIFY_FAILURE)
