"""What would allow a refusal, with what that opens: few threats by name for people, all of them as JSON."""

from __future__ import annotations

import pytest

from stratascope.core.message import msg
from stratascope.core.refusals.refusal import RefusalRemedy
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.presentation.refusals_report import NAMED, remedy_object, remedy_text

THREATS = all_threats()


def remedy(count: int) -> RefusalRemedy:
    ids = tuple(threat.id for threat in THREATS[:count])
    return RefusalRemedy(msg("Give it {name}", name="SYS_ADMIN"), choice_of("capabilities", "CAP_SYS_ADMIN"), ids)


@pytest.mark.parametrize("count", [1, NAMED, NAMED + 1, 40])
def test_few_threats_are_named_and_the_others_counted(count: int) -> None:
    text = remedy_text(remedy(count))
    assert text.startswith("Allowed by: Give it SYS_ADMIN. That opens ")
    for place, threat in enumerate(THREATS[:count]):
        assert (translate(threat.title) in text) is (place < NAMED), threat.id
    assert (f", and {count - NAMED} more." in text) is (count > NAMED)


def test_json_has_all_of_them() -> None:
    told = remedy_object(remedy(40))
    assert told["opens"] == [threat.id for threat in THREATS[:40]]


def test_what_is_not_known_is_not_told_as_nothing() -> None:
    choice = choice_of("capabilities", "CAP_SYS_ADMIN")
    assert remedy_text(RefusalRemedy(msg("It is running."), choice, ())).endswith("That opens no threat.")
    assert remedy_text(RefusalRemedy(msg("It is running."), choice)).endswith("What that opens is not known.")


def test_what_no_setting_gives_is_a_sentence_of_its_own() -> None:
    assert remedy_text(RefusalRemedy(msg("Only the host can change it."))) == "Only the host can change it."
