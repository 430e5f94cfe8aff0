"""Captures as files: several in one picture, a damaged one among them, and one that is saved to be shown."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from stratascope import resources
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.i18n.translate import translate
from stratascope.state import capture_file
from stratascope.usecases.live.recorded import RecordedView
from stratascope.value import replace
from stratascope.wiring import views
from stratascope.wiring.engines import demo_capture

DEMO = resources.path("demo/demo.json")


def pictures(view: RecordedView, count: int) -> list[Snapshot]:
    """Those after the first one, which says no more than that something is being read."""
    found: list[Snapshot] = []
    done = threading.Event()

    def publish(snapshot: Snapshot) -> None:
        found.append(snapshot)
        if len(found) == count + 1:
            done.set()

    view.start(publish)
    assert done.wait(120)
    view.stop()
    first = found.pop(0)
    assert (first.captures, first.containers, first.asking) == ((), (), ("",))
    return found


def labelled(capture: MachineCapture) -> MachineCapture:
    """Each container with a label that is nobody's business."""
    found = []
    for each in capture.containers:
        answer = json.loads(each.raw.inspect)
        answer["Config"]["Labels"] = {**(answer["Config"].get("Labels") or {}), "owner": "somebody"}
        found.append(replace(each, raw=replace(each.raw, inspect=json.dumps(answer))))
    return replace(capture, containers=tuple(found))


def test_one_capture_is_shown_as_it_is() -> None:
    (only,) = pictures(views.recorded_view([DEMO]), 1)
    assert only.demo
    assert [each.name for each in only.captures] == ["demo"]
    assert not only.asking
    assert {each.container.engine for each in only.containers} == {each.id for each in only.engines}
    assert "docker" in {each.id for each in only.engines}


def test_several_keep_apart_what_is_called_the_same(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "web.json").write_bytes(DEMO.read_bytes())
    (tmp_path / "bad.json").write_text("{")
    paths = [tmp_path / "one/web.json", tmp_path / "two/web.json", tmp_path / "bad.json", tmp_path / "gone.json"]
    first, second, third, last = pictures(views.recorded_view(paths), 4)
    assert first.asking, "more of it comes"
    assert len(second.containers) == 2 * len(first.containers)
    assert len(last.containers) == len(second.containers)
    assert len({each.key for each in last.containers}) == len(last.containers)
    assert {each.container.engine.partition(":")[0] for each in last.containers} == {"one/web", "two/web"}
    assert [(each.name, each.trouble is None) for each in last.captures] == [
        ("one/web", True),
        ("two/web", True),
        ("bad", False),
        ("gone", False),
    ]
    assert "is damaged" in translate(third.captures[2].trouble)  # type: ignore[arg-type]
    assert "No such file" in translate(last.captures[3].trouble)  # type: ignore[arg-type]
    # each container stands on the ground of its own machine, and is judged as it was there
    (alone,) = pictures(views.recorded_view([DEMO]), 1)
    for state in alone.containers:
        same = next(each for each in last.containers if each.container.id == state.container.id)
        assert same.matrix == state.matrix
        assert last.ground_of(same.container.engine) == alone.ground_of(state.container.engine)


def test_none_that_can_be_read(tmp_path: Path) -> None:
    (only,) = pictures(views.recorded_view([tmp_path / "gone.json"]), 1)
    assert not only.containers
    assert only.captures[0].trouble is not None


@pytest.mark.parametrize("labels", [True, False])
def test_what_is_saved_to_be_shown(tmp_path: Path, labels: bool) -> None:
    capture = labelled(demo_capture())
    path = tmp_path / "shown.json"
    views.save(capture, path, labels=labels)
    assert (capture_file.load(path) == capture) is labels
    for each in capture_file.load(path).containers:
        config = json.loads(each.raw.inspect)["Config"]
        assert all(value.endswith("=") for value in config.get("Env") or ()), "no value of the environment"
        if not labels:
            assert "owner" not in config["Labels"]
    # and it says the same of every container
    (before,) = pictures(views.recorded_view([DEMO]), 1)
    (after,) = pictures(views.recorded_view([path]), 1)
    assert [each.matrix for each in after.containers] == [each.matrix for each in before.containers]
    assert path.stat().st_mode & 0o777 == 0o600
