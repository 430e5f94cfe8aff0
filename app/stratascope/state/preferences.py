"""A table of a person's choices: key in the settings, default, and valid values. Also the commands that exercise a
twin, by image.

An invalid text (edited by hand, written by a newer version) counts as not chosen, and stays in the file until something
else is chosen. Decided against storing defaults: a better default should reach those who never chose. Decided against
storing the commands with the needs: a user who forgets what was observed does not mean the commands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from stratascope.core.relaunch import transaction
from stratascope.i18n.language import LANGUAGES, SETTING
from stratascope.value import Value

T = TypeVar("T")


class Kept(Protocol):
    """A store of texts."""

    def get(self, key: str) -> str | None:
        """The text stored under `key`, None if there is none."""

    def set(self, key: str, value: str) -> None:
        """Store `value`; never raises."""


class Preference(Value, Generic[T]):
    """`parse` raises ValueError for an invalid text; `text` is its inverse."""

    key: str
    default: T
    parse: Callable[[str], T]
    text: Callable[[T], str]

    def of(self, kept: Kept) -> T:
        """The choice, else the default."""
        said = kept.get(self.key)
        if said is None:
            return self.default
        try:
            return self.parse(said)
        except ValueError:
            return self.default

    def choose(self, kept: Kept, value: T) -> None:
        """Store it. Raises ValueError if it is invalid."""
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
# seconds between readings of the container that is shown
REFRESH = Preference("refresh", 2.0, _number(REFRESH_LEAST, REFRESH_MOST), "{:g}".format)
# seconds that a replacement is watched before it counts as good
WATCH = Preference("watch", transaction.WATCH, _number(0.0, transaction.WATCH_MOST), "{:g}".format)
# engines in addition to the discovered ones
ENGINES: Preference[tuple[str, ...]] = Preference("engines", (), _addresses, "\n".join)
# whether sandboxes of other makers are listed beside the containers
SANDBOXES = Preference("sandboxes", True, _switch, lambda value: _ON if value else _OFF)
# exposure above which a container that appears is notified; None: never
NOTIFY_ABOVE: Preference[float | None] = Preference(
    "notify_above", 9.0, _limit, lambda value: _NEVER if value is None else f"{value:g}"
)
# whether a hardened container that fails is notified
NOTIFY_FAILURE = Preference("notify_failure", True, _switch, lambda value: _ON if value else _OFF)
# whether one that could take over, or gains rights, is notified
NOTIFY_GAINS = Preference("notify_gains", True, _switch, lambda value: _ON if value else _OFF)
# whether an AI agent that gets at more than before is notified
NOTIFY_REACH = Preference("notify_reach", True, _switch, lambda value: _ON if value else _OFF)
# whether the background service notifies, of the same
NOTIFY_BACKGROUND = Preference("notify_background", False, _switch, lambda value: _ON if value else _OFF)

TABLE: tuple[Preference[Any], ...] = (
    LANGUAGE,
    THEME,
    REFRESH,
    WATCH,
    ENGINES,
    SANDBOXES,
    NOTIFY_ABOVE,
    NOTIFY_FAILURE,
    NOTIFY_GAINS,
    NOTIFY_REACH,
    NOTIFY_BACKGROUND,
)


EXERCISES = "exercises"
COMMANDS_MOST, LENGTH_MOST, BYTES_MOST = 12, 1000, 64 << 10  # per image; per command; of all


def exercises_of(kept: Kept, image: str) -> tuple[str, ...]:
    """The commands for an image."""
    return _exercises(kept).get(image, ())


def remember_exercises(kept: Kept, image: str, commands: tuple[str, ...]) -> None:
    """Store the commands of an image in place of those before."""
    known = _exercises(kept)
    known.pop(image, None)
    known[image] = tuple(each for each in dict.fromkeys(commands) if len(each) <= LENGTH_MOST)[:COMMANDS_MOST]
    if not known[image]:
        del known[image]
    text = "{}"
    while known and len(text := json.dumps(known)) > BYTES_MOST:
        del known[next(iter(known))]  # the image that was not tried for the longest time
    kept.set(EXERCISES, text if known else "{}")


def _exercises(kept: Kept) -> dict[str, tuple[str, ...]]:
    """An invalid text (edited by hand) counts as empty."""
    try:
        found = json.loads(kept.get(EXERCISES) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        image: tuple(each for each in commands if isinstance(each, str))
        for image, commands in found.items()
        if isinstance(commands, list)
    }
