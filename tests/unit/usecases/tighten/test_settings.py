"""Each setting that was tried, with why it is so."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import Loosening, Tried, TwinRefusal, Works
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.tighten.tighten import Tightened, settings
from stratascope.usecases.trial.strategy import Ends, Purpose, TrialDone, Verdict

NONE, CHOWN = choice_of("capabilities", "none"), choice_of("capabilities", "CHOWN")
ROOT, PRIVILEGES, LIMIT = (
    choice_of("read-only-root", "on"),
    choice_of("no-new-privileges", "on"),
    choice_of("pids", "50"),
)
SEEN = msg("It was seen to work.")


def ended(*choices: Choice, derived: tuple[Choice, ...], why: tuple[str, ...] = ()) -> Tightened:
    told = tuple((name, SEEN) for name in why)
    return Tightened(Verdict(Ends.FOUND, choices), Resolved(derived, told), None, 3, 9.0)


def trial(number: int, tried: Tried) -> TrialDone:
    return TrialDone(number, Purpose.WHOLE, tried)


def said(done: Tightened, *trials: TrialDone) -> dict[str, tuple[str | None, tuple[str, ...], bool, int]]:
    return {
        each.toggle: (
            None if each.choice is None else each.choice.value,
            tuple(map(translate, each.why)),
            each.loosened,
            each.tried,
        )
        for each in settings(done, trials)
    }


def test_what_works_as_it_was_learned_says_what_was_learned() -> None:
    done = ended(PRIVILEGES, derived=(PRIVILEGES,), why=("no-new-privileges",))
    works = Tried((PRIVILEGES,), Works.YES, 1.0)
    found = said(done, trial(1, Tried((), Works.YES, 1.0)), trial(2, works), trial(3, works))
    assert found == {"no-new-privileges": ("on", ("It was seen to work.",), False, 2)}


def test_another_value_says_what_was_refused_with_the_first() -> None:
    refused = TwinRefusal("k", msg("{by}: {call} needs {names}.", by="sh", call="chown(/a)", names="CHOWN"),
                      Loosening("capabilities", CHOWN, certain=True))  # fmt: skip
    broken = Tried((NONE, LIMIT), Works.BREAKS, 1.0, msg("It does not serve."), refusals=(refused,))
    done = ended(CHOWN, LIMIT, derived=(NONE, LIMIT), why=("capabilities", "pids"))
    found = said(done, trial(2, broken), trial(3, Tried((CHOWN, LIMIT), Works.YES, 1.0)))
    assert found["capabilities"] == ("CHOWN", ("It was seen to work.", "sh: chown(/a) needs CHOWN."), True, 2)
    assert found["pids"][2] is False


def test_what_is_left_out_comes_last_with_why_it_broke() -> None:
    broken = Tried((ROOT, PRIVILEGES), Works.BREAKS, 1.0, msg("It ended by itself."))
    done = ended(PRIVILEGES, derived=(ROOT, PRIVILEGES))
    found = said(done, trial(2, broken), trial(3, Tried((PRIVILEGES,), Works.YES, 1.0)))
    assert list(found) == ["no-new-privileges", "read-only-root"]
    assert found["read-only-root"] == (None, ("It ended by itself.",), False, 1)


def test_what_trials_alone_took_is_told_so() -> None:
    """Nothing was refused, and no trial with it broke: less of it was tried."""
    done = ended(CHOWN, derived=(choice_of("capabilities", "CHOWN,KILL"),), why=("capabilities",))
    found = said(done, trial(2, Tried((CHOWN,), Works.YES, 1.0)))
    assert found["capabilities"][2] is True
    assert "found by trials" in found["capabilities"][1][-1]
