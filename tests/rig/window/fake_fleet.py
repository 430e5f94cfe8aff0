"""Many containers with matrices and capabilities, made by hand: for the fleet's tests, pictures and measurements."""

from __future__ import annotations

from rig.window import fake_matrix, sample
from stratascope.core.layer import Assessment, BitGrid, Tab, Tone, Verdict
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.value import replace

_NAMES = (
    "web", "api-gateway", "redis-cache", "postgres", "ci-runner", "grafana", "mail-relay", "thumbnailer",
    "customer-portal-integration-postgres-replica", "顧客ポータル", "staging", "node-exporter", "portainer",
)  # fmt: skip


def state(number: int) -> ContainerState:
    """One of many, by its number."""
    name = f"{_NAMES[number % len(_NAMES)]}-{number // len(_NAMES) + 1}"
    made = sample.state(name, ident=f"{number:064x}", engine=("docker", "podman-rootless")[number % 3 == 1])
    kind = number % 10
    extra = frozenset({21, 12, 16}) if kind in (1, 6) else frozenset(range(41)) if kind == 4 else frozenset[int]()
    grid = replace(sample.grid(extra), whole_machine=None if kind == 8 else kind not in (0, 3, 7))
    if kind == 5:
        rows = tuple(
            replace(row, bits=(False,) * 5, word=msg("dropped"), tone=Tone.GOOD) if row.number in (13, 27) else row
            for row in grid.rows
        )
        grid = replace(grid, rows=rows)
    layers = tuple(with_grid(layer, grid) if layer.id == "capabilities" else layer for layer in made.layers)
    matrix = None if number % 29 == 28 else fake_matrix.varied(number)
    return replace(made, layers=layers, matrix=matrix)


def with_grid(layer: LayerState, grid: BitGrid) -> LayerState:
    """The layer, showing that grid."""
    tabs = (Tab(msg("Bits"), (grid,)),)
    return replace(layer, assessment=Assessment(Verdict.WEAKENED, msg("{count}", count=14), draw=lambda: tabs))


def states(count: int) -> tuple[ContainerState, ...]:
    """The first `count` of them."""
    return tuple(state(number) for number in range(count))
