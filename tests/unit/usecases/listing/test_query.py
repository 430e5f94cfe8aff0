"""What is typed into the filter: what is understood, and what is said of what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.i18n.translate import translate
from stratascope.linux.capability import NAMES
from stratascope.usecases.listing.filter import TERMS_MAX, Key, Query, Term, capabilities, parse


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("   ", ()),
        ("Web", (Term(None, "web"),)),
        ("web api", (Term(None, "web"), Term(None, "api"))),
        ("name:Web", (Term(Key.NAME, "web"),)),
        ("NAME:web", (Term(Key.NAME, "web"),)),
        ("cap:", ()),  # still being typed
        ('label:"', ()),
        ("cap:sys_admin", (Term(Key.CAP, "sys_admin", (21,)),)),
        ("cap:CAP_SYS_ADMIN", (Term(Key.CAP, "cap_sys_admin", (21,)),)),
        ("cap:21", (Term(Key.CAP, "21", (21,)),)),
        ("cap:bpf", (Term(Key.CAP, "bpf", (39,)),)),
        ("cap:added", (Term(Key.CAP, "added"),)),
        ("port:53", (Term(Key.PORT, "", (53,)),)),
        ("port:53/udp", (Term(Key.PORT, "udp", (53,)),)),
        ("label:tier=front", (Term(Key.LABEL, "tier=front"),)),
        ('label:"tier=Front end"', (Term(Key.LABEL, "tier=front end"),)),
        ('image:"a b', (Term(Key.IMAGE, "a b"),)),  # the quotes that end it are still to come
        ('"nginx:1.27"', (Term(None, "nginx:1.27"),)),
        ("image:nginx:1.27", (Term(Key.IMAGE, "nginx:1.27"),)),
        ("2:3", (Term(None, "2:3"),)),  # no word before the colon
    ],
)
def test_words(text: str, terms: tuple[Term, ...]) -> None:
    assert parse(text) == Query(terms)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nginx:1.27", '"nginx:" is not a filter. Available: name: cap:'),
        ("web foo:bar", '"foo:" is not a filter.'),
        ("cap:sys_amdin", 'There is no capability "sys_amdin".'),
        ("cap:99", 'There is no capability "99".'),
        ("port:http", '"http" is not a port'),
        ("port:0", '"0" is not a port'),
        ("port:65536", '"65536" is not a port'),
        ("port:٣", '"٣" is not a port'),
    ],
)
def test_what_is_not_understood_says_so_and_is_not_left_out(text: str, said: str) -> None:
    query = parse(text)
    assert query.trouble is not None
    assert translate(query.trouble).startswith(said)
    assert not query.empty


def test_a_part_of_a_name_means_all_that_have_it() -> None:
    assert {NAMES[number] for number in capabilities("admin")} == {
        "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_MAC_ADMIN"
    }  # fmt: skip


@given(st.text(max_size=300))
def test_any_text_is_parsed(text: str) -> None:
    query = parse(text)
    assert len(query.terms) <= TERMS_MAX
    assert all(term.text for term in query.terms if term.key is not Key.PORT)


@pytest.mark.parametrize("text", ['"' * 100_000, "a" * 100_000, 'a"b' * 50_000, " x" * 50_000, "a:" * 50_000])
def test_a_text_without_end_is_cut(text: str) -> None:
    assert len(parse(text).terms) <= TERMS_MAX
