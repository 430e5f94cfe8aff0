"""How a word of the filter can go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.usecases.listing.completion import MOST, complete
from stratascope.usecases.listing.filter import answer, parse
from unit.usecases.listing.listed import states


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("", 0, ()),
        ("web ", 4, ()),
        ("ca", 0, ("cap:",)),
        ("p", 0, ("project:", "port:", "portainer")),
        ("x web cap:sys_a", 6, ("cap:sys_admin",)),
        ("cap:SYS_TT", 0, ("cap:sys_tty_config",)),
        ("engine:docker", 0, ("engine:docker", "engine:docker-rootless")),
        ("label:tier", 0, ("label:tier", 'label:"tier=Front end"')),
        ("project:", 0, ("project:shop",)),
        ("port:4", 0, ("port:443",)),
        ("user:r", 0, ("user:root",)),
        ("foo:b", 0, ()),
        ("thumbnailer", 0, ("thumbnailer",)),
    ],
)
def test_ways_to_go_on(text: str, start: int, words: tuple[str, ...]) -> None:
    found = complete(text, tuple(states().values()))
    assert (found.start, found.words) == (start, words)


@pytest.mark.parametrize(
    ("text", "after"), [("cap:net_admin user:", ""), ("user:", " cap:net_admin"), ("u", "ser:x cap:net_admin")]
)
def test_the_other_words_still_find_something(text: str, after: str) -> None:
    every = tuple(states().values())
    alone = complete(text.rpartition(" ")[2], every).words
    found = complete(text, every, after).words
    assert found
    if text.endswith(":"):
        assert set(found) < set(alone)
        for word in found:
            query = parse(f"cap:net_admin {word}")
            assert any(answer(query, state).found for state in every), word


def test_where_the_other_words_find_nothing_all_ways_are_open() -> None:
    every = tuple(states().values())
    assert complete("no-such-name user:", every).words == complete("user:", every).words


def test_what_all_begin_with() -> None:
    assert complete("cap:net", tuple(states().values())).common == "cap:net_"


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    found = complete(text, tuple(states().values()))
    assert 0 <= found.start <= len(text)
    assert len(found.words) <= MOST
