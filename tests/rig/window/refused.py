"""Something that a container was refused, and what would allow it."""

from __future__ import annotations

import time

from stratascope.core.message import msg
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy, Strength
from stratascope.layers.toggles import choice_of

GIVES = (RefusalRemedy(msg("Give it SYS_TIME"), choice_of("capabilities", "+CAP_SYS_TIME"), ()),)


def refusal(key: str, remedies: tuple[RefusalRemedy, ...] = (), at: float | None = None) -> Refusal:
    """Setting the clock, by default a second from now."""
    at = time.time() + 1 if at is None else at
    claim = Claim("capabilities", msg("It lacks SYS_TIME."), Strength.SAID)
    return Refusal(key, at, at, 1, 77, 7, "ntpd", msg("set the clock"), "clock_settime()", "clock_settime", (), "",
                   "EPERM", claim, remedies=remedies)  # fmt: skip
