"""What is set aside on an engine that does not answer is not said to be nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.__main__ import main
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal
from stratascope.state.pending import default_folder


@pytest.mark.parametrize(("name", "said"), [("web", "is on the engine docker, which does not answer now"),
                                            ("db", "Nothing is kept for db")])  # fmt: skip
def test_on_an_engine_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"docker=unix://{tmp_path}/none.sock")
    never = RestartPolicy("no")
    ids = ("docker", "unix:///x", "web", "a" * 64, "b" * 64)
    done = Transaction(
        "0" * 16, TransactionKind.HARDEN, Stage.DONE, *ids, True, "web-old", "web-new", never, never, True, 10, 1.0
    )
    FileJournal(default_folder()).write(done)
    assert main(["undo", name]) == 2
    assert said in capsys.readouterr().err


def test_a_damaged_entry_is_named_and_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"docker=unix://{tmp_path}/none.sock")
    folder = default_folder()
    folder.mkdir(parents=True)
    (folder / "broken.json").write_text('{"version":1,"transac')
    for words in (["recover"], ["undo", "web"], ["discard", "web"]):
        assert main(words) == 2
        assert f"{folder}/broken.json: " in capsys.readouterr().err
