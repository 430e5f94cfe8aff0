"""The modes of AppArmor's profiles and of SELinux in a word, for the middle of a sentence.

The kernel's own words in English; in other languages they stand beside a translation, since tools print them.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.layers.shared.process_status import UNKNOWN

_WORDS = {
    "enforce": msg("enforce"),
    "kill": msg("kill"),
    "complain": msg("complain"),
    "user": msg("prompt"),
    "mixed": msg("mixed"),
    "unconfined": msg("unconfined"),
    "enforcing": msg("enforcing"),
    "permissive": msg("permissive"),
}


def mode_word(mode: str | None) -> Message:
    """As in `AppArmor docker-default, complain`."""
    return UNKNOWN if mode is None else _WORDS[mode]
