"""The user's folders: what the variables say, and what counts where they say nothing that is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope import resources

HOMES = (
    (resources.config_home, "XDG_CONFIG_HOME", "~/.config"),
    (resources.data_home, "XDG_DATA_HOME", "~/.local/share"),
    (resources.state_home, "XDG_STATE_HOME", "~/.local/state"),
)


@pytest.mark.parametrize(("home", "variable", "otherwise"), HOMES)
def test_a_folder(home: object, variable: str, otherwise: str) -> None:
    assert callable(home)
    assert home({variable: "/there"}) == Path("/there")
    for invalid in ({}, {variable: ""}, {variable: "beside"}, {variable: "./here"}):
        assert home(invalid) == Path(otherwise).expanduser()
