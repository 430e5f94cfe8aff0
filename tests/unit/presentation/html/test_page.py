"""The page: sound markup, nothing from elsewhere, nothing that acts, and everything that the report knows."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser

import pytest

from rig.presentation import page_sample
from stratascope.core.container import EngineState
from stratascope.core.severity import Severity
from stratascope.core.snapshot import Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.html import page as as_html
from stratascope.presentation.takeover import runs
from stratascope.presentation.threat_outcomes import by_outcome
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

VOID = frozenset({"meta", "br"})
SVG_VOID = frozenset({"rect", "path", "circle", "line"})
# which parents an element may have, for those where it matters (HTML, "content model")
PARENTS = {
    "tr": {"thead", "tbody"},
    "td": {"tr"},
    "th": {"tr"},
    "thead": {"table"},
    "tbody": {"table"},
    "caption": {"table"},
    "li": {"ul"},
    "dt": {"dl"},
    "dd": {"dl"},
    "summary": {"details"},
    "main": {"body"},
    "header": {"body"},
    "footer": {"body"},
    "section": {"main"},
    "title": {"head", "path", "circle"},
    "style": {"head"},
}
NOT_IN_P = {"p", "ul", "table", "div", "section", "h2", "h4", "dl", "details"}


class Page(HTMLParser):
    """Checks nesting while it reads, and keeps what the tests ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.classes: set[str] = set()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.meta: dict[str, str] = {}
        self.open_by_class: Counter[str] = Counter()
        self.feed(page)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        found = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.attributes.update(names)
        parent = self.stack[-1] if self.stack else ""
        assert parent in PARENTS.get(tag, {parent}), f"{tag} in {parent}"
        assert not (parent == "p" and tag in NOT_IN_P), f"{tag} in p"
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        if tag == "meta":
            self.meta[found.get("http-equiv", found.get("name", "charset"))] = found.get("content", "")
        self.classes.update(found.get("class", "").split())
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_VOID, f"{tag} can't end itself"
        assert "svg" in self.stack
        self.handle_starttag(tag, attrs)
        self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@cache
def sample(count: int = 12, *, distinct: bool = False) -> tuple[Snapshot, str, Page]:
    snapshot = page_sample.fleet(count, distinct=distinct)
    page = as_html.render(snapshot, all_layers())
    return snapshot, page, Page(page)


def test_sound_markup() -> None:
    _, page, read = sample()
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(read.ids) == len(set(read.ids))
    assert set(read.links) <= {f"#{name}" for name in read.ids}, "every link leads somewhere in the page"
    assert "charset" in read.meta
    for tag in ("title", "h1", "main", "header", "footer"):
        assert read.tags[tag] >= 1


def test_nothing_acts_and_nothing_is_loaded() -> None:
    _, page, read = sample()
    assert not {"script", "img", "link", "iframe", "object", "embed", "base", "form", "input"} & set(read.tags)
    assert not [name for name in read.attributes if name.startswith("on") or name in ("src", "style", "srcset")]
    assert all(link.startswith("#") for link in read.links)
    style = page[page.index("<style>") + 7 : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = read.meta["Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_hostile_name_is_only_text() -> None:
    _, page, read = sample()
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<script>alert('x')</script>\\x1b[31m&amp;\\u202e\\x80" in read.text
    page.encode("utf-8")  # no lone surrogate


def test_light_and_dark_and_paper() -> None:
    _, page, _ = sample()
    assert "@media screen and (prefers-color-scheme:dark)" in page
    assert "@media print" in page
    style = page[page.index("<style>") : page.index("</style>")]
    used = set(re.findall(r"var\(--([a-z0-9_]+)\)", style))
    assert used <= set(re.findall(r"--([a-z0-9_]+):#", style)), "every token that is used has a value"
    sheet = style[style.index("*{box-sizing") :]
    assert not re.findall(r"#[0-9A-Fa-f]{3,8}\b", sheet), "no colour but from the table of tokens"


def test_every_container_with_its_exposure() -> None:
    snapshot, page, read = sample()
    for state in snapshot.containers:
        if state.matrix is not None:
            assert f"{state.matrix.exposure.worst:.1f}" in read.text
        if state.container.name != page_sample.NASTY:
            assert state.container.name in read.text
    assert read.tags["svg"] > len(snapshot.containers)
    assert page.count('class="strata"') == sum(state.matrix is not None for state in snapshot.containers)
    assert "2 of 13 could take over" not in read.text
    taking = [state for state in snapshot.containers if state.matrix and state.matrix.open(Severity.CRITICAL)]
    running = sum(runs(state) for state in snapshot.containers)
    assert len(taking) < running < len(snapshot.containers)
    assert f"{len(taking)} of {running} could take over this machine" in read.text


def test_containers_that_are_alike_share_a_table() -> None:
    snapshot, page, read = sample()
    different = {id(state.matrix) for state in snapshot.containers if state.matrix is not None}
    assert page.count('<table class="matrix">') == len(different)
    assert "Its threats and layers are the same as those of" in read.text


def test_reasons_and_evidence_stand_in_the_page() -> None:
    snapshot, _, read = sample()
    first: set[int] = set()
    order = [state for state in as_html.in_order(snapshot) if state.matrix is not None]
    for state in order:
        assert state.matrix is not None
        if id(state.matrix) in first:
            continue
        first.add(id(state.matrix))
        worst = by_outcome(state.matrix)[0]
        for item in worst.weakest.rulings:
            assert translate(item.ruling.reason) in read.text
            assert f"/proc/{state.container.pid}/status:{item.layer}" in read.text


def test_depths_in_the_table_of_all() -> None:
    snapshot, page, _ = sample()
    table = page[page.index('id="fleet"') : page.index('id="bits"')]
    states = [state for state in as_html.in_order(snapshot) if state.matrix is not None]
    for threat in ("use-engine-socket", "bpf", "new-user-namespace"):
        row = re.search(rf'<tr><th scope="row"><a href="#t-{threat}">.*?</tr>', table)
        assert row is not None
        cells = re.findall(r'<td class="(\w+)">(.*?)</td>', row[0])
        assert len(cells) == len(states)
        for (kind, word), state in zip(cells, states, strict=True):
            found = state.matrix.of(threat) if state.matrix is not None else None
            assert found is not None
            if found.outcome is Outcome.OPEN:
                assert (word, kind in ("serious", "medium", "minor")) == ("0", True)
            elif found.outcome is Outcome.UNKNOWN:
                assert (kind, word) == ("unknown", "?")
            else:
                assert word == ("G" if found.by_ground else str(found.depth[0]))


def test_capabilities_and_calls_are_there() -> None:
    _, page, read = sample()
    bits = page[page.index('id="bits"') :]
    assert (
        '<th scope="row">CHOWN</th><td class="on">■</td>' in bits
        or '<th scope="row">CHOWN</th><td class="off">·</td>' in bits
    )
    assert "383 of 383 system calls pass" in read.text
    assert "clone: denied with CLONE_NEWUSER and other new namespaces" in read.text
    calls = page[page.index('id="calls"') :]
    assert calls.count('<details class="map"') == 6, "each distinct map once"


@pytest.mark.parametrize("distinct", [False, True])
def test_forty_containers_stay_a_small_page(distinct: bool) -> None:
    _, page, read = sample(40, distinct=distinct)
    assert len(page.encode()) < 4_000_000
    assert ("If layers stop a threat, not every reason is printed" in read.text) is distinct


def test_forty_different_containers_on_the_real_catalogue() -> None:
    whole = page_sample.golden()
    running = [state for state in whole.containers if state.matrix is not None]
    different = []
    for place in range(40):
        state = running[place % len(running)]
        assert state.matrix is not None
        different.append(page_sample.named(state, f"service-{place}", 30000 + place, replace(state.matrix)))
    page = as_html.render(replace(whole, containers=tuple(different)), all_layers())
    assert page.count('<table class="matrix">') == 40
    assert len(page.encode()) < 4_000_000


def test_no_containers_and_nothing_known() -> None:
    whole = page_sample.golden()
    resting = tuple(state for state in whole.containers if state.matrix is None)
    for containers in ((), resting):
        page = as_html.render(replace(whole, containers=containers), all_layers())
        read = Page(page)
        assert "No container runs" in read.text
        assert 'id="fleet"' not in page
    hangs = tuple(replace(each, state=EngineState.UNREACHABLE) for each in whole.engines)
    read = Page(as_html.render(replace(whole, containers=(), engines=hangs), all_layers()))
    assert f"No running container seen, {', '.join(each.id for each in hangs)} not seen" in read.text


def test_real_layers_on_real_containers() -> None:
    page = as_html.render(page_sample.golden(), all_layers())
    read = Page(page)
    for state in page_sample.golden().containers:
        assert state.container.name in read.text


@pytest.mark.parametrize("alike", [True, False])
def test_two_hundred_real_containers(alike: bool) -> None:
    """At most 3 MB: those that are alike share drawing and table; of many that differ the most exposed have them."""
    snapshot = demo_snapshot()
    states = []
    for place in range(200):
        state = snapshot.containers[place % len(snapshot.containers)]
        container = replace(state.container, id=f"{place:064x}", name=f"{state.container.name}-{place}")
        matrix = state.matrix if alike or state.matrix is None else replace(state.matrix)
        states.append(replace(state, container=container, matrix=matrix))
    page = as_html.render(replace(snapshot, containers=tuple(states)), all_layers())
    assert len(page.encode()) < 4_000_000
    for state in states:
        assert f">{state.container.name}</h2>" in page
    if not alike:
        # what is open stands there for each of them, whether it is drawn or not
        assert page.count('<table class="matrix">') == as_html.DRAWN
        still = sum(bool(state.matrix) for state in states) - as_html.DRAWN
        assert page.count("threats not stopped</summary>") == still


def test_the_answer_comes_first_and_tables_last() -> None:
    page = as_html.render(demo_snapshot(), all_layers())
    order = [page.index(each) for each in ('class="alert"', 'id="containers"', 'class="container"', 'id="fleet"',
                                           'id="bits"', 'id="threats"')]  # fmt: skip
    assert order == sorted(order)
