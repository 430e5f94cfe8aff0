"""`stratascope desktop` and `stratascope helper`: install or remove integration files, listed before and after.

Exit codes: 0 done, or nothing to do; 2 impossible, or some files had to be left in place. JSON is one object: whether
it was done, each file with what became of it, and the sentences that are printed otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path

from stratascope import desktop_files, sealed_files, user_service
from stratascope.cli.output import complain, on_terminal, say, write
from stratascope.core import shell_quote
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.sanitize import plain
from stratascope.desktop_files import Origin, Start, UnfitError
from stratascope.i18n.translate import translate
from stratascope.probe.bundle import IncompleteError
from stratascope.probe.helper.install import AsRoot, HelperFiles, NonsenseError
from stratascope.resources import MissingResourceError
from stratascope.sealed_files import Placed, Taken
from stratascope.state.preferences import NOTIFY_BACKGROUND
from stratascope.state.settings import Settings
from stratascope.wiring import desktop_files as wiring

DONE, FAILED = 0, 2


class _Told:
    """What is told: at once as text, or at the end as JSON."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._files: list[dict[str, str | int | None]] = []
        self._said: list[str] = []

    def say(self, text: str) -> None:
        if self._json:
            self._said.append(text)
        else:
            say(text)

    def file(self, text: Message, path: str, state: str, size: int | None = None, *, indent: str = "") -> None:
        """One file. `state`: written, unchanged, removed, would-write or would-remove."""
        if self._json:
            self._files.append({"path": path, "state": state, "bytes": size})
        else:
            say(f"{indent}{translate(text)}")

    def complain(self, text: str) -> None:
        if self._json:
            self._said.append(text)
        complain(text)

    def end(self, code: int, arguments: argparse.Namespace) -> None:
        if self._json:
            head = {"command": arguments.command, "act": arguments.act, "dry_run": arguments.dry_run}
            rest = {"result": "done" if code == DONE else "failed", "files": self._files, "said": self._said}
            write(json.dumps(head | rest, ensure_ascii=False) + "\n")


_told = _Told(False)


def run(arguments: argparse.Namespace) -> int:
    """Run either command; returns the exit code."""
    global _told  # noqa: PLW0603 - a process runs one command
    _told = _Told(arguments.json)
    code = _run(arguments)
    _told.end(code, arguments)
    return code


def _run(arguments: argparse.Namespace) -> int:
    act = _desktop if arguments.command == "desktop" else _helper
    try:
        return act(arguments)
    except (MissingResourceError, IncompleteError) as error:
        _warn(translate(msg("A part of Stratascope is missing from this installation. Install it again.")))
        _warn(plain(str(error), 1000))
    except sealed_files.BlockedError as error:
        for path, state in error.paths:
            _warn(translate(_in_the_way(path, state)))
        _warn(translate(msg("Nothing was changed.")))
    except UnfitError as error:
        _warn(
            translate(
                msg(
                    "The path {path} can't be used in a menu entry. Move Stratascope to a directory without “=” or "
                    "control characters in its name.",
                    path=error.path,
                )
            )
        )
    except MessageError as error:
        _warn(translate(error.message))
        if error.words:
            _warn(plain(error.words, 1000))
    except NonsenseError as error:
        _warn(
            translate(
                msg("The command that ran as root did not answer as Stratascope does, so it is not known what it did.")
            )
        )
        _warn(plain(str(error), 1000))
    except OSError as error:
        _warn(translate(_failed(error)))
    return FAILED


def _desktop(arguments: argparse.Namespace) -> int:
    start = wiring.how_started()
    if trouble := _contradiction(arguments):
        _warn(translate(trouble))
        return FAILED
    if start.origin is Origin.FLATPAK:
        if arguments.background and arguments.dry_run:
            _would_begin(arguments, None) if arguments.act == "install" else _would_end()
            return DONE
        if arguments.background:
            return _background_in_flatpak(arguments, start)
        _say(msg("Flatpak adds Stratascope to the menu itself, and removes it on uninstall."))
        return DONE
    try:
        data = wiring.data_folder(system=arguments.system)
    except RuntimeError:
        _warn(translate(msg("This user has no home directory. Set XDG_DATA_HOME to a writable directory.")))
        return FAILED
    if arguments.system and os.geteuid() != 0:
        _warn(translate(msg("Only root can do this for all users. Run it with sudo, or leave out --system.")))
        return FAILED
    if arguments.system:
        os.umask(0o022)  # make folders readable by all users, whatever root's umask is
    if wiring.stranger(data):
        _warn(translate(msg("{folder} belongs to a user other than root. Run this as that user, without sudo.",
                               folder=str(data))))  # fmt: skip
        return FAILED
    unit = _unit(arguments)
    if arguments.act == "remove":
        return _removed(arguments, data, unit)
    if not wiring.starts(start):
        _warn(translate(msg("Started from the menu, this Python would not find Stratascope. Install it with pipx "
                               "or pip, and run that installation's stratascope command.")))  # fmt: skip
        return FAILED
    loose = wiring.changeable(start) if arguments.system else ""
    if loose:
        _warn(translate(msg("{path} can be changed by users other than root, so it should not be in everyone's "
                               "menu. Install Stratascope as root, outside any user's home.", path=loose)))  # fmt: skip
        return FAILED
    if arguments.dry_run:
        further = user_service.planned(unit, start.command) if arguments.background and unit is not None else []
        code = _would_put([*desktop_files.planned(data, start.command), *further])
        if arguments.background:
            _would_begin(arguments, unit)
        return code
    if arguments.background and unit is not None:
        sealed_files.check(user_service.planned(unit, start.command))  # before anything is written
    placed = desktop_files.install(data, start.command)
    _placed(placed)
    if placed.written:
        command = shell_quote.words(start.command)
        _say(msg("Stratascope is now in the menu. Its entry starts {command}.", command=command))
    return _background(arguments, start, unit) if arguments.background else DONE


def _unit(arguments: argparse.Namespace) -> Path | None:
    """Where the user's service is written; None where there is none."""
    if arguments.system:
        return None
    with contextlib.suppress(RuntimeError):
        return user_service.unit_path()
    return None


def _contradiction(arguments: argparse.Namespace) -> Message | None:
    if arguments.background and arguments.system:
        return msg("Each user has a background service of their own. Leave out --system.")
    told = arguments.act == "install" and (arguments.notices or arguments.no_notices)
    return msg("--notices and --no-notices go with --background.") if told and not arguments.background else None


def _removed(arguments: argparse.Namespace, data: Path, unit: Path | None) -> int:
    """Remove the service, and without --background the menu's entry too; or say what would be."""
    if arguments.dry_run:
        menu = () if arguments.background else desktop_files.paths(data)
        if unit is not None and sealed_files.state_of(str(unit)) == sealed_files.OURS:
            _would_end()
        return _taken(_would_take((*menu, *(() if unit is None else (unit,)))), dry_run=True)
    service = Taken(()) if unit is None else wiring.take_down_background(unit)
    if arguments.background:
        return _taken(service, dry_run=False)
    menu_taken = desktop_files.remove(data)
    return _taken(
        Taken(service.removed + menu_taken.removed, service.kept + menu_taken.kept, menu_taken.refreshed), False
    )


def _background(arguments: argparse.Namespace, start: Start, unit: Path | None) -> int:
    """Set the service up. Raises BlockedError, UnfitError, OSError, MessageError."""
    if arguments.notices or arguments.no_notices:
        kept = Settings()
        NOTIFY_BACKGROUND.choose(kept, arguments.notices)
        if kept.unkept is not None:
            _warn(translate(kept.unkept))
    placed, answer = wiring.set_up_background(start, unit)
    if not answer.done:
        if unit is None:
            _warn(translate(msg("The desktop does not allow Stratascope to run in the background.")))
        else:
            _warn(translate(msg("systemd does not start services for this user, so the background service was not "
                                   "set up. Start it yourself at login: {command}.",
                                   command=shell_quote.words((*start.command, "background")))))  # fmt: skip
        if answer.words:
            _warn(plain(answer.words, 1000))
        return FAILED
    _placed(placed)
    if wiring.started() is None:
        _warn(translate(msg("The background service did not start. See: {command}.",
                               command=f"systemctl --user status {user_service.NAME}")))  # fmt: skip
        return FAILED
    _say(msg("Recording in the background, now and from each login on. “stratascope desktop remove --background” ends "
            "it."))  # fmt: skip
    return DONE


def _would_begin(arguments: argparse.Namespace, unit: Path | None) -> None:
    """Say what `--background` would do beside the files."""
    if unit is None:
        _say(msg("The desktop would be asked to let Stratascope run in the background, now and from each login on."))
    else:
        _say(msg("The service would be started now and at each login: {command}",
                command=f"systemctl --user enable --now {user_service.NAME}"))  # fmt: skip
    if arguments.notices:
        _say(msg("Desktop notices would be switched on."))
    if arguments.no_notices:
        _say(msg("Desktop notices would be switched off."))


def _would_end() -> None:
    _say(msg("The background service would be ended, now and for each login."))


def _background_in_flatpak(arguments: argparse.Namespace, start: Start) -> int:
    if arguments.act == "remove":
        wiring.take_down_background(None)
        _say(msg("Nothing is recorded in the background any more."))
        return DONE
    return _background(arguments, start, None)


def _helper(arguments: argparse.Namespace) -> int:
    wanted = wiring.helper_files()
    # a Flatpak's sandbox hides the host's folders: there the part that runs as root checks them
    unseen = wiring.in_flatpak()
    if arguments.act == "remove":
        if not unseen and wanted.absent():
            _say(msg("No helper is installed. Nothing was changed."))
            return DONE
        if arguments.dry_run:
            return _taken(_would_take((wanted.helper, wanted.policy), root=True), dry_run=True)
        return _taken(wanted.remove(_root(msg("These files will be removed as root:"), wanted, sizes=False)), False)
    if not unseen and wanted.installed():
        _say(msg("This version of the helper is already installed. Nothing was changed."))
        return DONE
    if arguments.dry_run:
        return _would_put(wanted.planned(), wanted.needed, root=True, unseen=unseen)
    _placed(wanted.install(_root(msg("These files will be written as root:"), wanted, sizes=True)))
    _say(msg("From now on polkit asks for the password with Stratascope's text. The helper only reads."))
    return DONE


def _root(head: Message, wanted: HelperFiles, *, sizes: bool) -> AsRoot | None:
    """Print what will happen, and return how to run it as root."""
    _say(head)
    for file in wanted.planned():
        told = _line(file, root=True) if sizes else Message(plain(file[0]))
        _told.file(
            told, file[0], "would-write" if sizes else "would-remove", len(file[2]) if sizes else None, indent="  "
        )
    name, as_root = wiring.root_way(terminal=on_terminal())
    if name:
        _say(msg("{program} may now ask for a password.", program=name))
    return as_root


def _line(file: sealed_files.File, *, root: bool) -> Message:
    path, mode, text = file
    if root:
        return msg("{path} (owner root, mode {mode}, {count} bytes)", path=path, mode=f"{mode:04o}", count=len(text))
    return msg("{path} ({count} bytes)", path=path, count=len(text))


def _would_put(
    wanted: Sequence[sealed_files.File], needed: tuple[str, ...] = (), *, root: bool = False, unseen: bool = False
) -> int:
    """Print what an installation would do. Raises BlockedError if something is in its way."""
    if not unseen:
        sealed_files.check(list(wanted), needed, root)
    new = [file for file in wanted if unseen or not sealed_files.same(file, root)]
    if new:
        _say(msg("These files would be written as root:") if root else msg("These files would be written:"))
    for file in new:
        _told.file(_line(file, root=root), file[0], "would-write", len(file[2]), indent="  ")
    for path, _, _ in (file for file in wanted if file not in new):
        _told.file(msg("Already there: {path}", path=path), path, "unchanged")
    return DONE


def _placed(placed: Placed) -> None:
    for path in placed.written:
        _told.file(msg("Written: {path}", path=str(path)), str(path), "written")
    for path in placed.unchanged:
        _told.file(msg("Already there: {path}", path=str(path)), str(path), "unchanged")
    for name in placed.refreshed:
        _say(msg("Refreshed by {program}", program=name))


def _taken(taken: Taken, dry_run: bool) -> int:
    for path in taken.removed:
        if dry_run:
            _told.file(msg("Would remove: {path}", path=str(path)), str(path), "would-remove")
        else:
            _told.file(msg("Removed: {path}", path=str(path)), str(path), "removed")
    for name in taken.refreshed:
        _say(msg("Refreshed by {program}", program=name))
    if not taken.removed and not taken.kept:
        _say(msg("There was nothing to remove."))
    for path, state in taken.kept:
        _warn(translate(_kept(str(path), state)))
    return FAILED if taken.kept else DONE


def _would_take(paths: Sequence[Path], *, root: bool = False) -> Taken:
    found = [(path, sealed_files.state_of(str(path), root)) for path in paths]
    kept = [(path, state) for path, state in found if state in (sealed_files.CHANGED, sealed_files.FOREIGN)]
    return Taken(tuple(path for path, state in found if state == sealed_files.OURS), tuple(kept))


def _kept(path: str, state: str) -> Message:
    match state:
        case sealed_files.CHANGED:
            return msg("Left alone, because it was changed after Stratascope wrote it: {path}", path=path)
        case sealed_files.STUCK:
            return msg("Could not be removed, although the others were: {path}", path=path)
    return msg("Left alone, because Stratascope did not write it: {path}", path=path)


def _in_the_way(path: str, state: str) -> Message:
    match state:
        case sealed_files.CHANGED:
            return msg("{path} was changed after Stratascope wrote it. Move it away, then try again.", path=path)
        case sealed_files.MISSING:
            return msg("There is no directory {path}. Install polkit (with pkexec) first.", path=path)
        case sealed_files.OPEN:
            return msg(
                "Users other than root can write to {path}, so nothing that root runs may be placed there.", path=path
            )
    return msg("{path} was not written by this command. If it came with a package, leave it; otherwise move it away.",
               path=path)  # fmt: skip


def _failed(error: OSError) -> Message:
    path, why = str(error.filename or ""), error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return msg("The disk is full. Nothing was changed; free some space, then try again.")
    if not path:
        return msg("That failed: {why}. Nothing was changed.", why=why)
    return msg("{path} can't be written: {why}. Nothing was changed.", path=path, why=why)


def _say(text: Message) -> None:
    """Print one line."""
    _told.say(translate(text))


def _warn(text: str) -> None:
    """Print one line to standard error."""
    _told.complain(text)
