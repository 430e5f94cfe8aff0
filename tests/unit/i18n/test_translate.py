"""Messages become text: fields filled, nested messages translated, foreign arguments harmless."""

from __future__ import annotations

import gettext
from collections.abc import Iterator

import pytest

from stratascope.core.message import msg, plural
from stratascope.i18n.translate import install, translate


@pytest.fixture
def german() -> Iterator[None]:
    class German(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"Open {what}": "{what} offen", "the door": "die Tür"}.get(message, message)

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return "{count} Filter" if msgid1 == "{count} filter" else super().ngettext(msgid1, msgid2, n)

    install(German())
    yield
    install(gettext.NullTranslations())


def test_fields_and_plurals() -> None:
    assert translate(msg("Open {what}", what="x")) == "Open x"
    assert translate(plural("{count} filter", "{count} filters", 1)) == "1 filter"
    assert translate(plural("{count} filter", "{count} filters", 2)) == "2 filters"


def test_foreign_text_cannot_act_nor_be_a_template() -> None:
    assert translate(msg("Name: {name}", name="\x1b[2J{0.__class__}")) == "Name: \\x1b[2J{0.__class__}"


def test_braces_without_arguments() -> None:
    assert translate(msg("a {{b}}")) == "a {b}"


@pytest.mark.usefixtures("german")
def test_nested_messages_are_translated() -> None:
    assert translate(msg("Open {what}", what=msg("the door"))) == "die Tür offen"
    assert translate(plural("{count} filter", "{count} filters", 3)) == "3 Filter"
