"""The kernel below the layers is the container's own: this machine's, another machine's, or a virtual machine's."""

from __future__ import annotations

from rig.window import sample
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.linux.machine import parse_flaws
from stratascope.presentation import text_report
from stratascope.presentation.ground import ground_lines, kernel_lines
from stratascope.presentation.html import page
from stratascope.value import replace


def two_machines() -> Snapshot:
    """Return a snapshot whose second engine is on another machine."""
    here, there = sample.ENGINES[0], replace(sample.ENGINES[1], endpoint="ssh://build")
    far = replace(sample.GROUND, kernel="5.15.0-far")
    first, second, *_ = sample.states()
    states = (
        replace(first, container=replace(first.container, engine=here.id)),
        replace(second, container=replace(second.container, engine=there.id)),
    )
    return replace(sample.snapshot(states), engines=(here, there), elsewhere=((there.id, far),))


def test_each_engine_has_its_own_ground() -> None:
    shown = two_machines()
    lines = [
        ground_lines(state.container, shown.ground_of(state.container.engine), engine)[0]
        for state, engine in zip(shown.containers, shown.engines, strict=True)
    ]
    here = sample.GROUND.kernel
    assert lines == [
        f"Linux {here}, shared by all containers",
        "Linux 5.15.0-far, shared by all containers there",
    ]
    odd = replace(shown.containers[0].container, runtime="io.containerd.kata.v2")
    assert ground_lines(odd, sample.GROUND, shown.engines[0])[0] == "Its own kernel, in io.containerd.kata.v2"


def test_what_no_layer_changes_is_told_of_the_kernel() -> None:
    ground = replace(sample.GROUND, cpu_flaws=parse_flaws("mds: Vulnerable\n"), smt="off")
    modules, *rows = kernel_lines(ground)
    assert modules.startswith("Security modules: ")
    assert rows == ["CPU vulnerabilities: 1 of 1 open: mds", "Threads per core: Switched off"]


def test_reports_name_each_kernel() -> None:
    shown = two_machines()
    both = f"on Linux {sample.GROUND.kernel}, 5.15.0-far, read "
    assert both in text_report.render(shown, all_layers(), text_report.Style())
    assert both in page.render(shown, all_layers())
    alone = replace(shown, containers=shown.containers[1:])
    assert "on Linux 5.15.0-far, read " in text_report.render(alone, all_layers(), text_report.Style())
    assert f"on Linux {sample.GROUND.kernel}, read " in text_report.render(
        replace(shown, containers=()), all_layers(), text_report.Style()
    )
