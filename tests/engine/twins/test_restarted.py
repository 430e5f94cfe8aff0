"""A twin is started a second time: what its program leaves as it is then is data, wherever it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.twins.stage import Stage, stage_of
from rig.engine import Rig
from stratascope.core.relaunch.trial import Works
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse

# In the cache one file that is made anew at each start, and one that is not; as the number of a process a key
PROGRAM = """
trap 'rm /srv/app/away; exit 0' TERM; mkdir -p /var/cache/app /srv/app
date >/var/cache/app/anew; test -e /var/cache/app/index || echo once >/var/cache/app/index
test -e /srv/app/key.pid || echo key >/srv/app/key.pid; echo x >/srv/app/away; sleep 3600 & wait"""


@pytest.fixture
def stage(any_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_of(any_engine, tmp_path, monkeypatch)


def test_what_stays_over_a_restart(stage: Stage) -> None:
    before = stage.there()
    with stage.container(command=PROGRAM) as name, stage.trials(name) as trials:
        unchanged = trials.run(())
        assert unchanged.pace is not None, unchanged
        known = unchanged.pace.lasting
        assert known is not None, unchanged.not_compared
        assert known.stay == ("/srv/app/key.pid", "/var/cache/app/index")
        assert known.gone == ()
        kept = trials.run((parse("volume=/srv/app"), parse("tmpfs=/run")), unchanged)
        assert kept.works is Works.YES, kept
        assert "starts again" in str([translate(each) for each in kept.compared])
        lost = trials.run((parse("tmpfs=/run,/var/cache/app"), parse("no-new-privileges=on")), unchanged)
        assert lost.works is Works.BREAKS
        assert lost.why is not None
        assert "/var/cache/app/index" in translate(lost.why)
        assert [str(each.choice) for each in lost.loosenings if each.toggle == "tmpfs"] == ["tmpfs=/run"]
    assert stage.there() == before
