"""`harden`, `undo`, `discard` and `recover` as a person types them, on real engines."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, QUICK, STAYS, Desk, desk_at, start
from rig.engine import Rig
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal


@pytest.fixture
def desk(each_api: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(each_api, tmp_path) as found:
        yield found


def test_hardened_proven_undone_and_discarded(desk: Desk) -> None:
    original = start(desk, "-v", "hardened-data:/data", "-e", "SECRET=not-to-be-seen")
    code, last, err = desk.harden("--set", "no-new-privileges=on", "--set", "capabilities=none")
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert {item["id"]: item["outcome"] for item in last["toggles"]} == {
        "no-new-privileges": "enforced",
        "capabilities": "enforced",
    }
    assert last["after"]["exposure"] < last["before"]["exposure"]
    assert desk.only_one_runs() == last["replacement_id"] != original
    assert "not-to-be-seen" not in json.dumps(last)
    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, err
    assert desk.only_one_runs() == original
    code, _, err = desk.run("discard", NAME)
    assert code == 0, err
    assert list(desk.all()) == [NAME]
    assert desk.run("undo", NAME)[0] == 2


def test_after_an_undo_it_is_hardened_again_at_once(desk: Desk, tmp_path: Path) -> None:
    """What the undo replaced stays kept beside it, and each undo leads to the original."""
    original = start(desk)
    assert desk.harden("--set", "no-new-privileges=on")[0] in (0, 1)
    first = desk.only_one_runs()
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    code, last, err = desk.harden("--set", "capabilities=none")
    assert code in (0, 1), (last.get("why"), last, err)
    second = desk.only_one_runs()
    assert len({original, first, second}) == 3
    journal = FileJournal(tmp_path / "stratascope" / "relaunches")
    assert {each.old for each in journal.all() if isinstance(each, Transaction)} == {first, original}
    code, _, err = desk.run("undo", NAME, "--watch", "1", "--json")
    assert code == 0, err
    assert desk.only_one_runs() == original
    assert desk.run("discard", NAME)[0] == 0
    assert desk.run("discard", NAME)[0] == 0
    assert list(desk.all()) == [NAME]


def test_what_breaks_is_rolled_back(desk: Desk) -> None:
    command = ("sh", "-c", "touch /started || exit 7; trap 'exit 0' TERM; sleep 3600 & wait")
    original = start(desk, "--tmpfs", "/scratch", command=command)
    desk.rig.run("exec", NAME, "rm", "/started")
    code, last, _ = desk.harden("--set", "read-only-root=on")
    if code == 3:
        assert {item["code"] for item in last["blocks"]} == {"writable-layer"}
        return
    assert (code, last["result"]) == (4, "rolled-back")
    assert "7" in last["why"]
    assert desk.only_one_runs() == original
    assert list(desk.all()) == [NAME]


def test_a_dry_run_and_a_refusal_change_nothing(desk: Desk) -> None:
    original = start(desk, "--rm")
    assert desk.harden("--set", "no-new-privileges=on", "--dry-run")[0] == 3
    code, last, _ = desk.harden("--preset", "strict")
    assert code == 3
    assert [item["code"] for item in last["blocks"]] == ["auto-remove"]
    assert desk.only_one_runs() == original
    desk.rig.run("rm", "-f", NAME)
    original = start(desk)
    code, last, _ = desk.harden("--preset", "recommended", "--dry-run")
    assert (code, last["result"], last["after"]) == (0, "possible", None)
    assert last["predicted"]["exposure"] <= last["before"]["exposure"]
    assert desk.only_one_runs() == original
    for words in (("--set", "capabilities=NOPE"), ("--set", "memory=lots"), ("--set", "nothing=1")):
        assert desk.harden(*words)[0] == 2
    assert desk.only_one_runs() == original


def test_an_export_names_no_file_that_only_a_relaunch_writes(desk: Desk) -> None:
    start(desk)
    words = ("export", NAME, "--preset", "recommended", "--as")
    command = desk.run(*words, f"{desk.rig.kind}-run")[1]
    (named,) = re.findall(r"seccomp=(\S+)", command)
    assert "/" not in named
    assert f"First save its seccomp profile as {named}: --as seccomp." in command
    profile = json.loads(desk.run(*words, "seccomp")[1])
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"


def test_one_that_never_ran_is_refused(desk: Desk) -> None:
    """How it would start is predicted, but there is no process to prove anything with."""
    desk.rig.run("create", "--name", NAME, "busybox", *QUICK)
    code, last, err = desk.harden("--preset", "recommended")
    assert (code, last["result"], err) == (3, "refused", "")
    assert last["before"] is None
    assert last["predicted"]["exposure"] >= 0.0
    assert last["blocks"][0]["code"] == "not-running"
    code, out, _ = desk.run("harden", NAME, "--preset", "recommended", "--dry-run")
    assert code == 3
    assert "It is not running" in out


@pytest.mark.slow
def test_killed_in_the_middle_and_recovered(desk: Desk) -> None:
    """The moment is drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    start(desk)
    child = desk.popen("harden", NAME, "--json", "--yes", "--watch", "3", "--set", "no-new-privileges=on")
    assert child.stdout is not None
    steps = draw.randrange(1, 9)
    for _ in range(steps):
        child.stdout.readline()
    time.sleep(draw.random() * 0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    code, _, err = desk.run("recover")
    assert code == 0, err
    running = desk.only_one_runs()
    assert desk.run("recover")[0] == 0
    assert desk.only_one_runs() == running


def test_what_can_not_be_printed_is_done_all_the_same(docker_rootful: Rig, tmp_path: Path) -> None:
    """A log on a disk that is full by now: halfway is the one place where it must not end."""
    desk = Desk(docker_rootful, tmp_path)
    try:
        original = start(desk)
        words = (sys.executable, "-m", "stratascope", "harden", NAME, "--json", "--yes", "--watch", "0")
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                (*words, "--set", "no-new-privileges=on"), env=desk.environ, stdout=full, stderr=subprocess.PIPE,
                text=True, check=False,
            )  # fmt: skip
        assert "No space left on device" in done.stderr
        assert desk.only_one_runs() != original
        assert desk.run("undo", NAME, "--watch", "0")[0] == 0
    finally:
        for name in desk.all():
            docker_rootful.run("rm", "-f", name)


@pytest.mark.slow
def test_one_that_broke_or_was_renamed_since_is_undone(desk: Desk) -> None:
    original = start(desk)
    assert desk.harden("--set", "no-new-privileges=on")[0] == 0
    other = f"{NAME}-other"
    desk.rig.run("rename", NAME, other)
    desk.rig.run("kill", other)
    code, out, err = desk.run("undo", original, "--watch", "1")
    assert code == 0, (out, err)
    assert {name: status for name, (_, status) in desk.all().items() if status == "running"} == {other: "running"}
    assert desk.all()[other][0] == original


def test_several_that_are_set_aside_for_one_name_are_asked_about(docker_rootful: Rig, tmp_path: Path) -> None:
    desk = Desk(docker_rootful, tmp_path)
    never = RestartPolicy("no")
    journal = FileJournal(tmp_path / "stratascope" / "relaunches")
    for digit in "ab":
        ids = ("docker", docker_rootful.endpoint, "web", digit * 64, digit * 63 + "1")
        journal.write(
            Transaction(
                digit * 16,
                TransactionKind.HARDEN,
                Stage.DONE,
                *ids,
                True,
                "web-old",
                "web-new",
                never,
                never,
                True,
                1,
                1.0,
            )
        )
    code, _, err = desk.run("discard", "web")
    assert code == 2
    assert f"Several originals are kept for web. Give an ID, or --engine: docker {'a' * 12}, docker {'b' * 12}." in err
    assert len(journal.all()) == 2


def test_limits_are_changed_where_a_relaunch_would_be_refused(docker_rootful: Rig, tmp_path: Path) -> None:
    """It goes away when it stops, and has files that a replacement would not have: neither matters while it runs."""
    desk = Desk(docker_rootful, tmp_path)
    original = start(desk, "--rm")
    try:
        desk.rig.run("exec", NAME, "touch", "/written")
        code, last, err = desk.harden("--set", "pids=64")
        assert (code, last["result"], last["blocks"]) == (0, "limits-changed", []), (last, err)
        assert desk.only_one_runs() == original
        assert desk.harden("--set", "pids=64", "--set", "no-new-privileges=on", "--dry-run")[0] == 3
    finally:
        desk.rig.run("rm", "-f", NAME)
