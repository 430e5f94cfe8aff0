"""What a search on twins comes to, for who only wanted a relaunch."""

from __future__ import annotations

import pytest

from stratascope.core.message import msg
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.trial.strategy import Ends, Loosened, Verdict, found

PIDS, CAPS, ROOT = choice_of("pids", "50"), choice_of("capabilities", "none"), choice_of("read-only-root", "on")
WANTED = (CAPS, ROOT, PIDS)
LAST = Tried((), Works.BREAKS, 1.0, msg("It was cancelled."))


def test_what_was_left_out_breaks_it() -> None:
    assert found(Verdict(Ends.FOUND, (PIDS, CAPS)), WANTED) == Loosened((PIDS, CAPS), ("read-only-root",))


def test_a_value_that_had_to_be_wider_breaks_it_too() -> None:
    wider = choice_of("capabilities", "CAP_CHOWN")
    assert found(Verdict(Ends.FOUND, (wider, ROOT, PIDS)), WANTED) == Loosened((wider, ROOT, PIDS), ("capabilities",))


def test_where_all_of_it_works_on_a_twin_nothing_is_blamed() -> None:
    ended = found(Verdict(Ends.FOUND, WANTED), WANTED)
    assert (ended.works_with, ended.breaks) == ((), ())
    assert ended.why is not None


def test_where_nothing_works_all_of_it_is_blamed() -> None:
    ended = found(Verdict(Ends.NOTHING, last=LAST), WANTED)
    assert (ended.works_with, ended.breaks) == ((), ("capabilities", "read-only-root", "pids"))


@pytest.mark.parametrize("ends", [Ends.UNCHANGED_BREAKS, Ends.UNSTEADY, Ends.CUT_OFF, Ends.REFUSED])
def test_what_was_not_found_says_why(ends: Ends) -> None:
    ended = found(Verdict(ends, last=LAST), WANTED)
    assert (ended.works_with, ended.breaks) == ((), ())
    assert ended.why is not None
    assert translate(ended.why).endswith("It was cancelled.")


def test_one_that_took_too_long_says_how_long() -> None:
    ended = found(Verdict(Ends.CUT_OFF), WANTED, 300.0)
    assert ended.why is not None
    assert translate(ended.why) == "Nothing was found in 300 s."
