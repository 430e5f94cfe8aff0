"""The adjustment of the OOM score: read in each language, of the process, predicted, wanted and proven."""

from __future__ import annotations

import pytest

from rig.recorded import recorded, with_text
from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.layer import Row, Table, Tone
from stratascope.core.options.meaning import understand
from stratascope.core.relaunch.toggle import Proven, ToggleError
from stratascope.formats.read import read
from stratascope.formats.text import NoFiles
from stratascope.i18n.translate import translate
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.cgroup.layer import LAYER
from stratascope.layers.toggles import toggle
from stratascope.value import replace
from unit.check.shapes import engine, plain
from unit.layers.surroundings import around
from unit.layers.toggle_subjects import DOCKER, DOCKER_ROOTLESS, made, subject, words

TEXTS = {
    "run.sh": "{kind} run --oom-score-adj {score} busybox\n",
    "equals.sh": "{kind} run --oom-score-adj={score} busybox\n",
    "compose.yml": "services:\n  a:\n    image: busybox\n    oom_score_adj: {score}\n",
    "a.container": "[Container]\nImage=busybox\nPodmanArgs=--oom-score-adj={score}\n",
}
RECORDED = with_text(recorded("lsm/apparmor/docker-default"), "oom_score_adj", "-998\n")


def facts_of(asked: Asked | None = None) -> CgroupFacts:
    found: CgroupFacts = LAYER.decode(RECORDED, made(asked), around())
    return found


def rows(asked: Asked) -> dict[str, Row]:
    assessment = LAYER.assess(facts_of(asked), LAYER.asked(made(asked)), around())
    return {
        translate(row.label): row
        for tab in assessment.tabs
        for part in tab.views
        if isinstance(part, Table)
        for row in part.rows
    }


@pytest.mark.parametrize("file", TEXTS)
@pytest.mark.parametrize("score", [-1000, 0, 500])
def test_it_is_read_in_each_language(file: str, score: int) -> None:
    kind = EngineKind.PODMAN if file.endswith(".container") else EngineKind.DOCKER
    found = read(TEXTS[file].format(kind=kind, score=score), file, NoFiles())
    understood = understand(found.services[0], engine(kind), plain(kind), None)
    assert (understood.container.asked.oom_score_adj, understood.problems) == (score, ())


@pytest.mark.parametrize("score", ["1001", "-1001", "x", "1.5"])
def test_what_no_engine_takes_is_said(score: str) -> None:
    found = read(TEXTS["run.sh"].format(kind="docker", score=score), "run.sh", NoFiles())
    understood = understand(found.services[0], engine(EngineKind.DOCKER), plain(EngineKind.DOCKER), None)
    assert [translate(each.text) for each in understood.problems] == [
        f"The engine does not accept this value for oom-score-adj: {score}."
    ]


def test_it_is_shown_with_what_was_asked() -> None:
    row = rows(Asked(oom_score_adj=-998))["OOM score adjustment"]
    assert (translate(row.value), row.tone, row.source) == ("-998", Tone.WARN, f"{facts_of().process}/oom_score_adj")
    assert row.asked is not None
    assert translate(row.asked) == "-998"
    assert rows(Asked())["OOM score adjustment"].asked is None


@pytest.mark.parametrize(
    ("before", "after", "rootless", "score"),
    [(0, 0, False, -998), (0, 300, True, 300), (5, 0, False, 0), (5, 0, True, None)],
)
def test_it_is_predicted(before: int, after: int, rootless: bool, score: int | None) -> None:
    near = around()
    near = replace(near, engine=replace(near.engine, rootless=rootless))
    found = LAYER.predict(facts_of(), Asked(oom_score_adj=before), Asked(oom_score_adj=after, user="1"), near)
    assert found.oom_score_adj == score


def test_a_toggle_wants_it() -> None:
    which, of = toggle("oom-score-adj"), subject(Asked())
    assert which.check(" -20 ", of) == "-20"
    assert which.apply(Asked(), "-20", of).oom_score_adj == -20
    assert which.on(Asked(oom_score_adj=-20), of)
    assert "others" in words(which.risks("-20", of))
    assert "it is killed" in words(which.risks("20", of))
    assert which.prove(facts_of(), "-998", of).outcome is Proven.ENFORCED
    assert which.prove(facts_of(), "0", of).outcome is Proven.NOT_ENFORCED
    assert which.prove(None, "0", of).outcome is Proven.UNKNOWN


@pytest.mark.parametrize(
    ("value", "of", "text"),
    [
        ("1001", DOCKER, "from -1000 to 1000"),
        ("x", DOCKER, "whole number"),
        ("-", DOCKER, "whole number"),
        ("-1", DOCKER_ROOTLESS, "rootless engine"),
    ],
)
def test_what_it_does_not_take(value: str, of: Engine, text: str) -> None:
    with pytest.raises(ToggleError) as error:
        toggle("oom-score-adj").check(value, subject(Asked(), engine=of))
    assert text in translate(error.value.message)
