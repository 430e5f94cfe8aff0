"""What a word of the filter may go on to, and how many containers match then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.message import msg
from stratascope.usecases.listing.filter import Key, answer, parse
from stratascope.usecases.listing.suggestions import MOST, Suggester
from unit.usecases.listing.listed import states

suggest = Suggester().suggest
EVERY = tuple(states().values())


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("", 0, ()),
        ("web ", 4, ()),
        ("x web cap:sys_a", 6, ("cap:sys_admin",)),
        ("cap:SYS_TT", 0, ("cap:sys_tty_config",)),
        ("cap:cap_sys_tty", 0, ("cap:sys_tty_config",)),
        ("engine:docker", 0, ("engine:docker", "engine:docker-rootless")),
        ("eng", 0, ("engine:docker", "engine:podman", "engine:podman-rootless", "engine:docker-rootless")),
        ("label:tier", 0, ("label:tier", 'label:"tier=Front end"')),
        ("project:", 0, ("project:shop",)),
        ("mount:", 0, ("mount:/etc", "mount:/run/docker.sock")),
        ("/et", 0, ("mount:/etc",)),
        ("unconf", 0, ("seccomp:unconfined",)),
        ("port:4", 0, ("port:443",)),
        ("user:r", 0, ("user:root",)),
        ("thumbnailer", 0, ("thumbnailer",)),
        ("umbnail", 0, ("thumbnailer",)),
        ("net_ad", 0, ("cap:net_admin",)),
        (">", 0, (">7", ">4", ">2")),
        (">=9.5", 0, (">=9.5", ">7", ">4", ">2")),
    ],
)
def test_ways_to_go_on(text: str, start: int, words: tuple[str, ...]) -> None:
    found = suggest(text, EVERY)
    assert (found.start, tuple(each.word for each in found.rows)) == (start, words)
    assert not found.nothing


@pytest.mark.parametrize("text", ["u", "p", "c", "e", "web", "user:", "cap:", "image:", ">", "<"])
def test_counts_are_what_the_list_would_show(text: str) -> None:
    rows = suggest(text, EVERY).rows
    assert rows
    for row in rows:
        assert row.count == sum(answer(parse(row.word), state).found is True for state in EVERY) > 0, row.word


def test_the_most_frequent_first_and_root_is_explained() -> None:
    rows = suggest("u", EVERY).rows
    assert (rows[0].word, rows[0].what) == ("user:root", msg("root inside"))
    counts = [row.count or 0 for row in suggest("user:", EVERY).rows]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("text", ["zzz", "foo:b", "user:nobody-here", "port:1"])
def test_what_matches_nothing_offers_what_can_be_typed(text: str) -> None:
    found = suggest(text, EVERY)
    assert found.nothing
    assert [(row.word, row.count) for row in found.rows] == [(f"{key}:", None) for key in Key]


@pytest.mark.parametrize(("text", "others"), [("user:", "cap:net_admin"), ("cap:net_admin user:", "")])
def test_the_other_words_still_find_something(text: str, others: str) -> None:
    alone = {each.word: each.count or 0 for each in suggest("user:", EVERY).rows}
    found = suggest(text, EVERY, others).rows
    assert found
    assert all((each.count or 0) <= alone[each.word] for each in found)
    assert sum(each.count or 0 for each in found) < sum(alone.values())
    for row in found:
        query = parse(f"cap:net_admin {row.word}")
        assert row.count == sum(answer(query, state).found is True for state in EVERY), row.word


def test_where_the_other_words_find_nothing_all_ways_are_open() -> None:
    assert suggest("user:", EVERY, "no-such-name").rows == suggest("user:", EVERY).rows


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    found = suggest(text, EVERY)
    assert 0 <= found.start <= len(text)
    assert len(found.rows) <= MOST


def test_exposures() -> None:
    shown = {name: round(state.matrix.exposure.worst, 1) for name, state in states().items() if state.matrix}
    expected = {
        ">7": {name for name, number in shown.items() if number > 7},
        "<=2": {name for name, number in shown.items() if number <= 2},
        ">0.0": {name for name, number in shown.items() if number > 0},
    }
    for word, names in expected.items():
        found = {name for name, state in states().items() if answer(parse(word), state).found}
        assert found == {name for name in names if states()[name].container.pid}, word
    assert parse(">").empty
    assert parse("> web").terms == parse("web").terms
