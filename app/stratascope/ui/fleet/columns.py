"""Machines, threats and alike containers of a fleet in words, and the columns of their tables."""

from __future__ import annotations

from stratascope.core.container import EngineState
from stratascope.core.message import msg, plural
from stratascope.core.overview.fleet import Machine
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.exposure import NOTHING, exposure_sentence, level_ink, number_text
from stratascope.presentation.fleet.model import where
from stratascope.ui.kit.marks import SEVERITY_INK, engine_state_word, severity_word
from stratascope.ui.kit.table import Column
from stratascope.ui.kit.theme import BOLD
from stratascope.usecases.listing.fleet import Alike, FoundMachine

_NAME, _IMAGE = 200, 300  # characters


# -- machines


def worst_of(found: FoundMachine) -> Matrix | None:
    """Of the most exposed of its containers; None where nothing is known of any."""
    return found.members[0].state.matrix if found.members else None


def machine_name(found: FoundMachine) -> str:
    """Its name, and that it could not be read."""
    name = plain(found.machine.name, _NAME)
    return name if found.machine.trouble is None else translate(msg("{name}, not read", name=name))


def _machine_whole(found: FoundMachine) -> str:
    trouble = found.machine.trouble
    return machine_name(found) if trouble is None else f"{machine_name(found)}: {plain(translate(trouble), 300)}"


def kernels(machine: Machine) -> str:
    """The releases of its kernels."""
    return listed(plain(each, 80) for each in machine.kernels if each)


def engines(machine: Machine) -> str:
    """Those that are there; with the state of one that gave no answer."""
    told = []
    for engine in machine.engines:
        name = plain(machine.own(engine.id), 60)
        if engine.state is EngineState.CONNECTED:
            told.append(name)
        elif engine.state is not EngineState.ABSENT:
            told.append(translate(msg("{name} ({state})", name=name, state=engine_state_word(engine.state))))
    return listed(told)


def _containers(found: FoundMachine) -> str:
    shown, there = len(found.members), len(found.machine.states)
    if found.machine.trouble is not None:
        return NOTHING
    return str(there) if shown == there else translate(msg("{shown} of {count}", shown=shown, count=there))


def _count(found: FoundMachine, count: int) -> str:
    return NOTHING if worst_of(found) is None else str(count)


def _count_ink(found: FoundMachine, count: int) -> str:
    return "open" if count and worst_of(found) is not None else "text3"


def machine_meaning(found: FoundMachine) -> str:
    """The line below its name."""
    machine = found.machine
    if machine.trouble is not None:
        return plain(translate(machine.trouble), 500)
    told = [translate(msg("Kernel: {kernel}.", kernel=kernels(machine) or NOTHING))]
    if machine.engines:
        told.append(translate(msg("Engines: {names}.", names=engines(machine) or NOTHING)))
    return together(told)


def machine_title(found: FoundMachine) -> str:
    """The head of its card."""
    if found.machine.trouble is not None:
        return machine_name(found)
    count = plural("{count} container", "{count} containers", len(found.members))
    return translate(msg("{name}: {containers}", name=plain(found.machine.name, _NAME), containers=count))


MACHINES = (
    Column(msg("Exposure"), lambda each: number_text(worst_of(each)), 70, weight=BOLD,
           ink=lambda each: level_ink(worst_of(each)), whole=lambda each: exposure_sentence(worst_of(each))),
    Column(msg("Machine"), machine_name, 120, 3, weight=BOLD, middle=True, whole=_machine_whole,
           ink=lambda each: "text" if each.machine.trouble is None else "weak"),
    Column(msg("Critical"), lambda each: _count(each, each.critical), 60,
           ink=lambda each: _count_ink(each, each.critical),
           whole=lambda each: _opened(each.critical, Severity.CRITICAL)),
    Column(msg("High"), lambda each: _count(each, each.high), 60, ink=lambda each: _count_ink(each, each.high),
           whole=lambda each: _opened(each.high, Severity.HIGH)),
    Column(msg("Containers"), _containers, 84),
    Column(msg("Kernel"), lambda each: kernels(each.machine), 110, 1, middle=True, from_width=560,
           ink=lambda _: "text2"),
    Column(msg("Engines"), lambda each: engines(each.machine), 110, 4, middle=True, from_width=720,
           ink=lambda _: "text2"),
)  # fmt: skip


def _opened(count: int, severity: Severity) -> str:
    return translate(
        plural("{count} open threat ({severity})", "{count} open threats ({severity})", count,
               severity=severity_word(severity))
    )  # fmt: skip


# -- threats


THREATS = (
    Column(msg("Severity"), lambda each: severity_word(each.threat.severity), 80, weight=BOLD,
           ink=lambda each: SEVERITY_INK[each.threat.severity]),
    Column(msg("Threat"), lambda each: plain(translate(each.threat.title), _NAME), 160, 1, weight=BOLD),
    Column(msg("Containers"), lambda each: str(each.containers), 84),
    Column(msg("Machines"), lambda each: str(each.machines), 84),
)  # fmt: skip


# -- containers that are alike


def alike_name(found: Alike) -> str:
    """What they are called, and how many they are where that is more than one a machine."""
    name = plain(found.name, _NAME)
    count = len(found.members)
    return name if count == len(found.machines) else f"{name} ×{count}"


def _matrix(found: Alike) -> Matrix | None:
    return found.state.matrix


def _engine(found: Alike) -> str:
    member = found.members[0]
    return plain(member.machine.own(member.state.container.engine), 60)


_ALIKE = (
    Column(msg("Exposure"), lambda each: number_text(_matrix(each)), 70, weight=BOLD,
           ink=lambda each: level_ink(_matrix(each)), whole=lambda each: exposure_sentence(_matrix(each))),
    Column(msg("Container"), alike_name, 120, 3, weight=BOLD, middle=True),
)  # fmt: skip
_IMAGE_COLUMN = Column(msg("Image"), lambda each: plain(each.state.container.image, _IMAGE), 110, 3, middle=True,
                       from_width=520, ink=lambda _: "text2")  # fmt: skip
OF_MACHINE = (
    *_ALIKE,
    _IMAGE_COLUMN,
    Column(msg("Engine"), _engine, 90, 1, middle=True, ink=lambda _: "text2"),
)
OF_THREAT = (
    *_ALIKE,
    Column(msg("Machines"), lambda each: translate(where(each.machines)), 160, 4, middle=True,
           whole=lambda each: translate(where(each.machines, 20))),
    _IMAGE_COLUMN,
)  # fmt: skip
