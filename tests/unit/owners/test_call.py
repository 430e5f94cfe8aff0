"""Commands of owners that hang, die or are killed with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.places import APP
from stratascope.core.ports import OwnerError
from stratascope.owners.host import alone, run
from unit.owners.fakes import program


def test_what_it_prints_and_what_it_complains_of(tmp_path: Path) -> None:
    program(tmp_path, "good", "cat; printf '\\377'; echo not this >&2")
    assert run((str(tmp_path / "good"),), {}, limit=3600, given="given ") == "given �"
    program(tmp_path, "bad", "echo words >&2; exit 3")
    with pytest.raises(OwnerError) as caught:
        run((str(tmp_path / "bad"),), {}, limit=3600)
    assert caught.value.words == "words"
    assert dict(caught.value.message.args)["status"] == 3
    with pytest.raises(OwnerError):
        run((str(tmp_path / "none"),), {}, limit=3600)


def test_a_word_that_no_command_can_have(tmp_path: Path) -> None:
    program(tmp_path, "good", "")
    for word in ("a\0b", "\ud800"):
        with pytest.raises(OwnerError):
            run((str(tmp_path / "good"), word), {}, limit=3600)


def test_one_that_prints_too_much_is_ended(tmp_path: Path) -> None:
    program(tmp_path, "floods", "head -c 17000000 /dev/zero; sleep 3600")
    with pytest.raises(OwnerError) as caught:
        run((str(tmp_path / "floods"),), {}, limit=20)
    assert "printed more" in caught.value.message.id


def test_one_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    program(tmp_path, "hangs", f"echo words >&2; sleep 3600 & echo $! >{tmp_path}/pid; wait")
    with pytest.raises(OwnerError) as caught:
        run((str(tmp_path / "hangs"),), {}, limit=1)
    assert caught.value.words == "words"
    child = int((tmp_path / "pid").read_text())
    while _alive(child):
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_command_goes_on_when_we_are_killed_and_keeps_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "compose.yaml"
    lock.touch()
    program(tmp_path, "works", f"touch {tmp_path}/begun; sleep 2; touch {tmp_path}/done")
    code = (
        "from stratascope.owners.host import alone, run\n"
        f"with alone({str(lock)!r}, 3600.0) as held:\n"
        f"    run(({str(tmp_path / 'works')!r},), {{}}, limit=3600, lock=held)\n"
    )
    child = subprocess.Popen((sys.executable, "-c", code), env={**os.environ, "PYTHONPATH": str(APP)})
    while not (tmp_path / "begun").exists():
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with pytest.raises(OwnerError), alone(str(lock), 0.0):
        pass
    with alone(str(lock), 3600.0):
        assert (tmp_path / "done").exists()


def test_a_lock_on_what_is_gone(tmp_path: Path) -> None:
    with pytest.raises(OwnerError), alone(str(tmp_path / "gone"), 0.0):
        pass


@pytest.mark.parametrize("script", ["cat", "sleep 0.1; cat", "true"])
def test_what_it_is_given(script: str) -> None:
    """Also where it prints while it reads, and where it does not read at all."""
    given = "x" * 500_000
    said = run(("sh", "-c", script), dict(os.environ), limit=60.0, given=given)
    assert said == ("" if script == "true" else given)
