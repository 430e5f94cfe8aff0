"""Where the journal is: also where nothing but the data folder outlasts a sandbox."""

from __future__ import annotations

from pathlib import Path

from stratascope.state.pending import default_folder


def test_the_state_folder() -> None:
    assert default_folder({"XDG_STATE_HOME": "/s", "FLATPAK_ID": "x"}) == Path("/s/stratascope/relaunches")
    assert default_folder({}) == Path("~/.local/state/stratascope/relaunches").expanduser()


def test_a_flatpak_without_one_keeps_its_data_folder() -> None:
    assert default_folder({"XDG_DATA_HOME": "/d"}) == Path("~/.local/state/stratascope/relaunches").expanduser()
    assert default_folder({"XDG_DATA_HOME": "/d", "FLATPAK_ID": "x"}) == Path("/d/stratascope/relaunches")
