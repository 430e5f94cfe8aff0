"""What an engine was asked for, in words: for every layer, and in every language."""

from __future__ import annotations

import pytest

from rig.window import sample
from stratascope.core.container import Asked, AskedDevice, AskedMount, ProfileKind
from stratascope.core.layer import Layer, Table
from stratascope.core.options.table import TITLES
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.ui.panel.table import NAMES, asked_table
from stratascope.value import Value, replace

FULL = Asked(
    privileged=True,
    mounts=(AskedMount("bind", "/srv", "/data", True), AskedMount("volume", "", "/var/lib", False, "", "books")),
    devices=(AskedDevice("/dev/sda", "/dev/sda", "rwm"),),
    memory=512 << 20,
    memory_swap=-1,
    pids=0,
    cpu_cores=1.5,
    capabilities=("CAP_CHOWN", "CAP_KILL"),
    seccomp=ProfileKind.UNCONFINED,
    uid_map=((0, 200000, 65536),),
)


def lines(asked: Asked) -> dict[str, str]:
    """Return every row of every layer's table."""
    container = replace(sample.state("web").container, asked=asked)
    found: dict[str, str] = {}
    for layer in all_layers():
        table = asked_table(layer.asked(container))
        assert isinstance(table, Table)
        found |= {translate(row.label): translate(row.value) for row in table.rows}
    return found


def test_a_container_that_was_told_much() -> None:
    found = lines(FULL)
    assert found["Privileged mode"] == "yes"
    assert found["Mounts"] == "/srv at /data, writable, books at /var/lib, read-only"
    assert found["Devices of the host"] == "/dev/sda"
    assert found["Memory"] == "512 MiB"
    assert found["Memory and swap together"] == found["Processes"] == "No limit"
    assert found["CPU"] == "1.5 cores"
    assert found["Bounding set"] == "CAP_CHOWN, CAP_KILL"
    assert found["Seccomp profile"] == "None: unconfined"
    assert found["ID maps"] == "0:200000:65536"
    assert not [text for text in found.values() if "Asked" in text or "(" in text], "words, no Python"


def test_a_container_that_was_told_nothing() -> None:
    found = lines(Asked())
    assert found["Memory"] == found["CPU"] == "No limit", "none was asked for, which is known"
    assert found["Masked paths"] == "The engine's default"
    assert found["Bounding set"] == "The engine does not say"
    assert found["Mounts"] == found["User"] == "–"


@pytest.mark.parametrize("layer", all_layers(), ids=lambda layer: layer.id)
def test_every_field_has_words(layer: Layer) -> None:
    table = asked_table(layer.asked(sample.state("web").container))
    assert table is not None
    words = {translate(name) for name in (NAMES | TITLES).values()}
    assert {translate(row.label) for row in table.rows} <= words


def test_a_layer_that_is_new_here() -> None:
    class Other(Value):
        rule_set: str

    table = asked_table(Other("strict"))
    assert table is not None
    assert [(translate(row.label), translate(row.value)) for row in table.rows] == [("rule set", "strict")]
    assert asked_table(None) is None
