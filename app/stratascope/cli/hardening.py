"""`harden`, `undo`, `discard`, `recover` and `export`: what the window asks of hardening, without a display.

Exit codes: 0 verified (or the dry run is possible), 1 kept though not verified, 2 a usage or engine error, 3 refused,
nothing changed, 4 rolled back, the original runs.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Any

from stratascope.cli import recover
from stratascope.cli.harden_offers import offers_of, would_close
from stratascope.cli.harden_output import HardenOutput, said
from stratascope.cli.output import complain, write
from stratascope.core.container import SHORTEST_ID
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, ProbeError
from stratascope.core.relaunch.toggle import Choice, Preset, ToggleError
from stratascope.core.relaunch.transaction import (
    BusyError,
    Ended,
    Ending,
    JournalError,
    Progress,
    Stage,
    Transaction,
)
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.export.export import ExportError, ExportKind, export
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse
from stratascope.state.journal import FileJournal
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.plan.preflight import Block
from stratascope.usecases.plan.shortfalls import shortfalls
from stratascope.usecases.relaunch.proof import Proved
from stratascope.wiring.connected_engine import ConnectedEngine
from stratascope.wiring.exports import options_of
from stratascope.wiring.hardening import ConnectedHardening, open_hardening

VERIFIED, KEPT, FAILED, REFUSED, ROLLED_BACK = 0, 1, 2, 3, 4
_CODES = {
    Ending.VERIFIED: VERIFIED,
    Ending.LIMITED: VERIFIED,
    Ending.KEPT: KEPT,
    Ending.REFUSED: REFUSED,
    Ending.ROLLED_BACK: ROLLED_BACK,
    Ending.UNFINISHED: FAILED,
}


def run(arguments: argparse.Namespace) -> int:
    """Run one of these commands; returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "harden": _harden,
        "undo": _undo,
        "discard": _discard,
        "recover": recover.run,
        "export": _export,
    }
    try:
        return commands[arguments.command](arguments)
    except (ToggleError, ProbeError, ExportError) as error:
        complain(translate(error.message))
    except EngineError as error:
        complain(translate(error.message))
        if error.words:
            complain(plain(error.words, 1000))
    except NoSuchContainerError:
        complain(translate(msg("The container is gone.")))
    except BusyError as error:
        complain(translate(error.message))
        return REFUSED
    except JournalError as error:
        complain(translate(msg("The journal can't be written: {words}", words=error.words)))
    return FAILED


def _harden(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        access, container = found.container(arguments.container)
        state = access.read(container)
        if state is None:
            raise NoSuchContainerError(container)
        chosen = _chosen(arguments, found.hardening, state)
        made = found.hardening.plan(state, chosen, frozenset(arguments.remedies))
        preset = None if arguments.preset is None else Preset(arguments.preset)
        # of a container that has never run nothing is known that could be predicted from
        preview = None if state.matrix is None else found.hardening.preview(state, made.choices)
        predicted = None if preview is None else preview.after
        offers = offers_of(found.hardening, state) if arguments.dry_run and preview is not None else []
        left = found.hardening.closing(state).left if preset is Preset.CRITICAL else ()
        short = () if preview is None else shortfalls(preview, preset, left)
        told = HardenOutput(arguments.json)
        last: dict[str, Any] = {
            "engine": access.engine.id,
            "original_id": container,
            "replacement_id": None,
            "before": _short(state.matrix),
            "predicted": _short(predicted),
            "after": None,
            "toggles": [],
            "blocks": [_block(item) for item in made.checked.blocks],
            "warnings": [{"code": item.code, "text": translate(item.text)} for item in made.checked.warnings],
            "command": found.hardening.command(made),
            "owner": _owner(made),
            "shortfalls": [translate(each) for each in short],
            **({"offers": offers} if offers else {}),
        }
        if arguments.dry_run or made.checked.blocks:
            refused = bool(made.checked.blocks)
            told.plan(made, state.matrix, predicted, short, would_close(preview, offers))
            told.dry(refused, last["command"])
            told.end({"result": "refused" if refused else "possible", **last})
            return REFUSED if refused else VERIFIED
        told.plan(made, state.matrix, predicted, short)
        if not arguments.yes and not _agreed(access.engine.id, made):
            told.end({"result": "refused", **last})
            return REFUSED
        return _carry_out(arguments, found.hardening, access, made, told, last)


def _carry_out(
    arguments: argparse.Namespace,
    hardening: Hardening,
    access: ConnectedEngine,
    made: Plan,
    told: HardenOutput,
    last: dict[str, Any],
) -> int:
    ended: Ended | None = None
    for event in hardening.run(made, arguments.watch, _interrupted(), keep_unverified=arguments.keep_unverified):
        match event:
            case Progress():
                told.step(event)
            case Proved():
                last["toggles"].append(_proof(event))
                told.proof(event)
            case Ended():
                ended = event
    if ended is None:
        return FAILED
    if ended.transaction is not None and ended.ending in (Ending.VERIFIED, Ending.KEPT):
        last["replacement_id"] = ended.transaction.new
        after = access.read(ended.transaction.new)
        last["after"] = _short(None if after is None else after.matrix)
    told.ended(ended)
    told.end({"result": ended.ending.value, **last, "why": "" if ended.why is None else translate(ended.why),
              "words": ended.words, "log": ended.log, "blame": "" if ended.blame is None else translate(ended.blame),
              "suspects": list(ended.suspects)})  # fmt: skip
    return _CODES[ended.ending]


def _chosen(arguments: argparse.Namespace, hardening: Hardening, state: ContainerState) -> tuple[Choice, ...]:
    found = {}
    if arguments.preset is not None:
        found = {item.toggle: item for item in hardening.preset(state, Preset(arguments.preset))}
    for text in arguments.set:
        item = parse(text)
        found[item.toggle] = item
    return tuple(found.values())


def _undo(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        transaction = _aside(found, arguments.container)
        told = HardenOutput(arguments.json)
        wanted = found.hardening.undo_plan(transaction)
        last: dict[str, Any] = {
            "engine": transaction.engine,
            "original_id": transaction.old,
            "replacement_id": transaction.new,
            "written": None if wanted.written is None else list(wanted.written),
            "blocks": [{"code": item.code, "text": said(item.text, item.instead)} for item in wanted.blocks],
            "warnings": [{"code": item.code, "text": translate(item.text)} for item in wanted.warnings],
        }
        told.undo_plan(wanted)
        if arguments.dry_run or wanted.blocks:
            told.end({"result": "refused" if wanted.blocks else "possible", **last})
            return REFUSED if wanted.blocks else VERIFIED
        ended: Ended | None = None
        for event in found.hardening.undo(transaction, arguments.watch, _interrupted()):
            match event:
                case Progress():
                    told.step(event)
                case Ended():
                    ended = event
        if ended is None:
            return FAILED
        told.ended(ended)
        told.end(
            {
                "result": ended.ending.value,
                **last,
                "why": "" if ended.why is None else translate(ended.why),
            }
        )
        return _CODES[ended.ending]


def _discard(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        transaction = _aside(found, arguments.container)
        found.hardening.discard(transaction)
        if transaction.owner is not None:
            kept = msg("The change of {name} stays for good, in {path}.", name=transaction.name,
                       path=transaction.owner.files[0].path)  # fmt: skip
            write(translate(kept) + "\n")
            return VERIFIED
        for member in transaction.members:
            text = msg("{name} is removed. Its volumes stay.", name=member.old_aside)
            write(translate(text) + "\n")
    return VERIFIED


def _export(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        recover.at_start(found)
        access, container = found.container(arguments.container)
        state = access.read(container)
        if state is None:
            raise NoSuchContainerError(container)
        made = found.hardening.plan(state, _chosen(arguments, found.hardening, state))
        write(export(ExportKind(arguments.kind), options_of(made), secrets=arguments.secrets))
    return VERIFIED


def _aside(found: ConnectedHardening, name: str) -> Transaction:
    """What is set aside for a container of that name or id. Raises ProbeError where that is nothing, or several."""
    there = {access.engine.id for access in found.accesses}
    kept_ones = [made for made in found.hardening.kept() if made.engine in there]
    hits = [made for made in kept_ones if _is_of(made, name)]
    if not hits and not any(each.name == name for access in found.accesses for each in access.containers()):
        hits = [made for made in kept_ones if _begins(made, name)]
    if len(hits) > 1:
        listed = ", ".join(f"{made.engine} {made.new[:12]}" for made in hits)
        raise ProbeError(msg("Several are set aside for {name}. Give an id, or --engine: {listed}.", name=name,
                             listed=listed), name)  # fmt: skip
    if hits:
        return hits[0]
    entries = FileJournal().all()
    recover.tell_damaged(entries)
    for kept in entries:
        if (
            isinstance(kept, Transaction)
            and kept.stage is Stage.DONE
            and (_is_of(kept, name) or _begins(kept, name))
            and kept.engine not in there
        ):
            text = msg("What is set aside for {name} is on the engine {engine}, which does not answer now.", name=name,
                       engine=kept.engine)  # fmt: skip
            raise ProbeError(text, name)
    raise ProbeError(msg("Nothing is set aside for {name}.", name=name), name)


def _is_of(transaction: Transaction, name: str) -> bool:
    """Whether it is of a container of that name or whole id."""
    return any(name in (made.name, made.old, made.new) for made in transaction.members)


def _begins(transaction: Transaction, name: str) -> bool:
    """Whether the id of what runs now begins so."""
    return len(name) >= SHORTEST_ID and any(made.new.startswith(name) for made in transaction.members)


def _agreed(engine: str, made: Plan) -> bool:
    if not sys.stdin.isatty():
        complain(translate(msg("Nobody can be asked here: give --yes.")))
        return False
    name = plain(made.spec.name, 200)
    if made.live:
        question = msg("Change the limits of {name} on {engine}? [y/N] ", name=name, engine=engine)
    else:
        question = msg("Relaunch {name} on {engine}? [y/N] ", name=name, engine=engine)
    sys.stderr.write(translate(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _interrupted() -> Callable[[], bool]:
    """Ctrl+C, or a terminal that goes away, means: roll back. A second one is no quicker: that way must be walked."""
    pressed: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1) means: go on
            signal.signal(number, lambda number, frame: pressed.append(number))
    return lambda: bool(pressed)


def _short(matrix: Matrix | None) -> dict[str, Any] | None:
    if matrix is None:
        return None
    return {
        "exposure": matrix.exposure.worst,
        "threats": {
            item.threat.id: {"outcome": item.outcome.value, "depth": list(item.depth)} for item in matrix.threats
        },
    }


def _owner(made: Plan) -> dict[str, Any] | None:
    owner = made.owner
    if owner is None:
        return None
    return {
        "kind": owner.kind.value,
        "service": owner.service,
        "files": [{"path": file.path, "text": file.content} for file in owner.files],
        "commands": list(owner.commands),
    }


def _proof(event: Proved) -> dict[str, Any]:
    return {
        "id": event.choice.toggle,
        "value": event.choice.value,
        "outcome": event.proof.outcome.value,
        "expected": translate(event.proof.expected),
        "found": translate(event.proof.found),
        "source": event.proof.source,
    }


def _block(block: Block) -> dict[str, Any]:
    remedy = None if block.remedy is None else block.remedy.value
    return {"code": block.code, "text": said(block.text, block.instead), "remedy": remedy}
