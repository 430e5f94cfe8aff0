"""The corrected line of a sandbox, given to its real maker: it starts, and what is to be hidden is."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rig.core.sandboxes import sandbox_of
from rig.plan import ordinary_user
from rig.sandboxes import BY_ID, Startable, Started, missing, started
from stratascope.core.container import NO_ENGINE
from stratascope.core.ground import Surroundings
from stratascope.core.reach.row import Answer, How, ReachRow
from stratascope.core.relaunch.hardening_plan import Wanted
from stratascope.core.sandboxes.lines import What, Written, rows_of, written
from stratascope.layers import all_layers
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_container
from stratascope.usecases.sandbox_plans import SandboxPlans
from stratascope.wiring.engines import open_engines
from stratascope.wiring.sandboxes import named

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
_NAME = "id_rig"
Corrected = Callable[[Path, Written, list[str]], list[str]]  # in a folder of its own, with the command that it runs


@pytest.fixture
def key() -> Iterator[Path]:
    """A private key of the ordinary user that everybody may read."""
    home = ordinary_user()[2]
    folder, mode = home / ".ssh", home.stat().st_mode
    if folder.exists():
        pytest.skip(f"{folder} is there")
    home.chmod(0o755)
    folder.mkdir(mode=0o755)
    (folder / _NAME).write_text("a key\n")
    (folder / _NAME).chmod(0o644)
    yield folder / _NAME
    (folder / _NAME).unlink(missing_ok=True)
    folder.rmdir()
    home.chmod(mode)


def _looked(run: Started) -> tuple[tuple[ReachRow, ...], Written | None]:
    """What it gets at; and the line that hides all of it that can be hidden, where there is any."""
    with open_engines((), {}, sandboxes=True) as engines:
        ((state, ground),) = named(engines, str(run.sleeper))
        around = Surroundings(ground, NO_ENGINE)
        rows = reached(of_container(all_layers(), state, around, engines.local)).rows
        plans = SandboxPlans(lambda: engines.local)
        previews = plans.previews(state, ground)
        plan = previews.plan(state)
        on = tuple((change.key, change.choice.id == "hide") for change in plan.changes)
        plan = previews.plan(state, wanted=Wanted(on))
        return rows, plans.line(state, ground, plan.choices) if plan.choices else None


def _of(rows: tuple[ReachRow, ...]) -> ReachRow:
    return next(row for row in rows if row.thing.id == "ssh-keys")


def _read(run: Started, key: Path) -> str:
    """What lies there for it, past all owners and modes."""
    try:
        return Path(f"/proc/{run.sleeper}/root{key}").read_text()
    except OSError:
        return ""


def _line(folder: Path, line: Written, command: list[str]) -> list[str]:
    return [*shlex.split(line.text)[: -len(command)], *command]


def _profile(folder: Path, line: Written, command: list[str]) -> list[str]:
    (folder / ".codex").mkdir()
    (folder / ".codex/config.toml").write_text(line.text)
    return BY_ID["codex"].command(folder, command)


def _settings(folder: Path, line: Written, command: list[str]) -> list[str]:
    words = BY_ID["sandbox-runtime"].command(folder, command)
    settings = json.loads((folder / "srt.json").read_text())
    settings["filesystem"]["denyRead"] += json.loads(line.text)["filesystem"]["denyRead"]
    (folder / "srt.json").write_text(json.dumps(settings))
    return words


def _flatpak(folder: Path, command: list[str]) -> list[str]:
    words = BY_ID["flatpak"].command(folder, command)
    file = folder / "app/metadata"
    file.write_text(file.read_text().replace("xdg-download", "host"))
    return words


def _override(folder: Path, line: Written, command: list[str]) -> list[str]:
    *words, script = _flatpak(folder, command)
    return [*words, script.replace("exec flatpak", f"{line.text.strip()}; exec flatpak")]


def _row(name: str, command: Callable[[Path, list[str]], list[str]] | None) -> Startable:
    """As the ordinary user, but for what npm installed for root."""
    row = BY_ID[name]
    return replace(row, command=command or row.command, user=row.program != "npm")


MAKERS = (
    pytest.param("bwrap", None, _line, id="bwrap"),
    pytest.param("firejail", None, _line, id="firejail", marks=pytest.mark.slow),
    pytest.param("codex", None, _profile, id="codex", marks=pytest.mark.slow),
    pytest.param("sandbox-runtime", None, _settings, id="sandbox-runtime", marks=pytest.mark.slow),
    pytest.param("flatpak", _flatpak, _override, id="flatpak", marks=pytest.mark.slow),
)


@pytest.mark.parametrize(("name", "first", "corrected"), MAKERS)
def test_it_starts_with_it_and_what_was_open_is_closed(
    name: str,
    first: Callable[[Path, list[str]], list[str]] | None,
    corrected: Corrected,
    key: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    row = _row(name, first)
    if missing(row):
        pytest.skip(missing(row))
    folders = [tmp_path_factory.mktemp(name) for _ in range(2)]
    for above in (*folders, *folders[0].parents[:2]):
        above.chmod(0o755)
    with started(row, folders[0]) as run:
        rows, line = _looked(run)
        assert _read(run, key) == "a key\n"
    open_row = _of(rows)
    assert (open_row.answer, open_row.hides) == (Answer.OPEN, (f"{key.parent}/",))
    assert open_row.remedy is not None
    assert (open_row.remedy.how, open_row.remedy.value) == (How.TOGGLE, f"hide={key.parent}/")
    assert line is not None
    written = line
    again = _row(name, lambda folder, command: corrected(folder, written, command))
    with started(again, folders[1]) as run:
        rows, _ = _looked(run)
        assert _read(run, key) == ""
    row_then = _of(rows)
    assert row_then.hides == ()
    # some have another way left, which the rest of the plan is about
    assert row_then.answer is Answer.CLOSED or "by a detour" in row_then.why.id.lower()


def test_every_option_of_bubblewrap_is_taken_by_it(tmp_path: Path) -> None:
    """All that its plan could ever write, at once: bwrap starts, and none is unknown to it."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("x")
    folder.mkdir()
    values = {What.HIDE_FILE: str(file), What.DROP: "ALL", What.READ_ONLY: "/dev"}
    wanted = [(what, values.get(what, str(folder))) for what in rows_of("bubblewrap")]
    line = written(sandbox_of("bubblewrap", "bwrap --ro-bind / / --dev /dev --proc /proc true"), wanted)
    assert subprocess.run(shlex.split(line.text), check=False).returncode == 0
