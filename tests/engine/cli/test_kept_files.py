"""What a container wrote outside its volumes, on real engines: nothing is laid over it, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig

REFUSED, ROLLED_BACK = 3, 4
# Writes once more as it stops, as a database does that was not saved
LAST_WORDS = "trap 'mkdir -p /srv/last; echo kept >/srv/last/words; exit 0' TERM; sleep 3600 & wait"


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def write(desk: Desk, path: str) -> None:
    desk.rig.run("exec", NAME, "sh", "-c", 'mkdir -p "$(dirname "$0")" && echo kept >"$0"', path)


def text(desk: Desk, path: str) -> str:
    """As its processes see it, whatever their rights."""
    return Path(f"/proc/{desk.rig.pid(NAME)}/root{path}").read_text()


def test_a_tmpfs_over_what_is_carried_over_is_refused(desk: Desk) -> None:
    original = start(desk)
    write(desk, "/srv/data/db")
    code, last, _ = desk.harden("--set", "tmpfs=/srv/data", "--commit-layer")
    assert code == REFUSED
    assert [each["code"] for each in last["blocks"]] == ["tmpfs-over-files"]
    assert "/srv/data/db" in last["blocks"][0]["text"]
    assert desk.only_one_runs() == original
    code, last, err = desk.harden("--set", "tmpfs=/tmp", "--commit-layer")
    assert code == 0, err
    assert text(desk, "/srv/data/db") == "kept\n"


def test_what_is_not_in_the_replacement_brings_the_original_back(desk: Desk) -> None:
    """A cache may be left behind where its program makes it anew: this one does not."""
    original = start(desk)
    write(desk, "/var/cache/app/index")
    code, last, _ = desk.harden("--set", "no-new-privileges=on")
    assert code == ROLLED_BACK
    assert "/var/cache/app/index" in last["why"]
    assert desk.only_one_runs() == original
    assert text(desk, "/var/cache/app/index") == "kept\n"
    code, _, err = desk.harden("--set", "no-new-privileges=on", "--commit-layer")
    assert code == 0, err
    assert text(desk, "/var/cache/app/index") == "kept\n"


@pytest.mark.slow
def test_a_cache_that_is_made_anew_is_no_reason_to_go_back(desk: Desk) -> None:
    made = "mkdir -p /var/cache/app; echo kept >/var/cache/app/index; trap 'exit 0' TERM; sleep 3600 & wait"
    original = start(desk, command=("sh", "-c", made))
    code, _, err = desk.harden("--set", "no-new-privileges=on")
    assert code == 0, err
    assert desk.only_one_runs() != original


@pytest.mark.slow
def test_what_it_writes_as_it_stops_is_not_hidden_or_refused(desk: Desk) -> None:
    original = start(desk, command=("sh", "-c", LAST_WORDS))
    for setting in ("read-only-root=on", "tmpfs=/srv/last"):
        code, last, _ = desk.harden("--set", setting, "--commit-layer")
        assert code == ROLLED_BACK, setting
        assert "/srv/last" in last["why"]
        assert desk.only_one_runs() == original
        desk.rig.run("exec", NAME, "rm", "-r", "/srv/last")


def test_what_it_writes_as_it_stops_gets_a_place_in_the_same_command(desk: Desk) -> None:
    """The plan can't know of it before: redis saves so."""
    start(desk, command=("sh", "-c", LAST_WORDS))
    code, out, err = desk.run("harden", NAME, "--yes", "--watch", "1", "--preset", "recommended")
    assert code == 1, (out, err)
    assert "once more" in out
    assert text(desk, "/srv/last/words") == "kept\n"
    assert " /srv/last " in text(desk, "/proc/1/mountinfo")
    code, out, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert text(desk, "/srv/last/words") == "kept\n"


def test_where_it_keeps_data_its_root_is_read_only_only_beside_a_volume_for_all_of_it(desk: Desk) -> None:
    start(desk)
    write(desk, "/srv/data/db")
    chosen = strict(desk)
    assert {"read-only-root", "volume"} <= chosen
    assert "publish" not in chosen
    write(desk, "/etc/db")
    assert {"read-only-root", "tmpfs", "volume", "publish"}.isdisjoint(strict(desk))


def strict(desk: Desk) -> set[str]:
    """Toggles of the strictest preset."""
    code, last, err = desk.harden("--preset", "strict", "--commit-layer", "--dry-run")
    assert code == 0, err
    return {each["id"] for each in next(one for one in last["offers"] if one["preset"] == "strict")["toggles"]}
