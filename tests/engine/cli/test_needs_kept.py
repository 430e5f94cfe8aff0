"""What was learned of a container on a real engine stays: while it is being watched, after a kill, after a relaunch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.collector.asking import wait_for
from rig.fixtures import Engines


@pytest.fixture(params=["docker_rootful", pytest.param("podman_rootful", marks=pytest.mark.slow)])
def desk(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(engines.get(request.param), tmp_path) as found:
        yield found


def known(desk: Desk) -> set[str]:
    """The capabilities that it is known to use."""
    code, out, err = desk.run("needs", NAME, "--json")
    assert code == 0, err
    return set(json.loads(out)["capabilities"])


def test_what_was_seen_is_never_lost(desk: Desk) -> None:
    """The watching program is killed, and the relaunch gives it an image of another name."""
    start(desk)
    desk.rig.run("exec", NAME, "touch", "/mine")
    watching = desk.popen("observe", NAME)

    def uses() -> bool:
        desk.rig.run("exec", NAME, "chown", "9:9", "/mine")
        return known(desk) == {"CAP_CHOWN"}

    wait_for(uses)  # for other commands, while it is being watched
    watching.kill()
    watching.communicate()
    assert known(desk) == {"CAP_CHOWN"}
    code, last, err = desk.harden("--set", "ulimit-core=0", "--commit-layer")
    assert code == 0, (last, err)
    image = desk.rig.run("inspect", "--format", "{{.Config.Image}}", NAME).strip()
    assert image.startswith("localhost/stratascope/")
    assert known(desk) == {"CAP_CHOWN"}
    code, out, err = desk.run("harden", NAME, "--dry-run", "--json")
    assert code == 0, err
    rows = {row["id"]: row for row in json.loads(out)["plan"]}
    assert "CAP_CHOWN" not in rows["drop"]["value"] or rows["drop"]["evidence"]["word"] == "used"
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    assert known(desk) == {"CAP_CHOWN"}
    assert desk.run("needs", NAME, "--forget")[0] == 0
    assert known(desk) == set()


def test_what_a_twin_reached_at_its_start_counts(desk: Desk, tmp_path: Path) -> None:
    """Of its folders: what it read there at its start is used. That another one is not used is not said: a twin's are
    copies, of which nobody tells who opens what.
    """
    for name in ("read", "spare"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    words = [word for name in ("read", "spare") for word in ("-v", f"{tmp_path}/{name}:/{name}")]
    once = "cat /read/file >/dev/null; trap 'exit 0' TERM; while :; do sleep 1; done"
    start(desk, *words, command=("sh", "-c", once))
    code, out, err = desk.run("tighten", NAME, "--dry-run")
    assert code == 0, out + err
    code, out, err = desk.run("needs", NAME, "--json")
    assert code == 0, err
    found = {each["path"]: each for each in json.loads(out)["reached"]}
    assert found["/read"]["access"] == ["read"]
    assert found["/read"]["by"] == ["cat"]
    assert not any(each["starts"] for each in found.values())
    assert "/spare" not in found
