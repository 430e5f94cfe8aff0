"""What is refused to a replacement after it was verified, told with what would allow it, on real engines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig

# It gives a file away whenever somebody asks for that, and only then
ON_REQUEST = (
    "sh",
    "-c",
    "trap 'exit 0' TERM; while sleep 0.2; do [ ! -e /w/ask ] || chown 7:7 /w/ask; done & sleep 3600 & wait",
)


@pytest.fixture
def desk(hybrid_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(hybrid_engine, tmp_path) as found:
        yield found


def ask(desk: Desk, original: str, over: threading.Event) -> None:
    """Once the replacement runs, and again and again."""
    while not over.wait(0.5):
        number, state = desk.all().get(NAME, ("", ""))
        if state == "running" and number != original:
            place = Path(f"/proc/{desk.rig.pid(NAME)}/root/w/ask")
            if place.parent.exists():
                place.touch()


def test_what_is_refused_later_is_told_with_what_would_allow_it(desk: Desk) -> None:
    original = start(desk, "--tmpfs", "/w", command=ON_REQUEST)
    over = threading.Event()
    asking = threading.Thread(target=ask, args=(desk, original, over))
    asking.start()
    try:
        words = ("harden", NAME, "--json", "--yes", "--watch", "1", "--enforced-is-enough", "--watch-refusals", "8")
        code, out, err = desk.run(*words, "--set", "capabilities=KILL,SETUID")
    finally:
        over.set()
        asking.join()
    last = json.loads(out.splitlines()[-1])
    assert code == 0, (out, err)
    found = next(each for each in last["refusals"] if "chown" in each["what"] and "CHOWN" in each["what"])
    assert found["remedy"]["toggle"] == "capabilities"
    assert set(found["remedy"]["value"].split(",")) == {"CAP_CHOWN", "CAP_KILL", "CAP_SETUID"}
    assert not found["ended"]
    assert desk.only_one_runs() == last["replacement_id"], "it stays"


def test_where_nothing_is_refused_that_is_told(desk: Desk) -> None:
    start(desk)
    begun = time.monotonic()
    code, out, err = desk.run(
        "harden", NAME, "--yes", "--watch", "0", "--watch-refusals", "2", "--set", "no-new-privileges=on"
    )
    assert code == 1, err
    assert "Nothing new was refused to it." in out
    assert time.monotonic() - begun < 60
