"""The words of the command line. An option whose feature does not exist yet is not here: argparse refuses it."""

from __future__ import annotations

import argparse
from pathlib import Path

from stratascope import __version__
from stratascope.cli import arguments_desktop
from stratascope.cli.numbers import exposure, observing, repeats, seconds
from stratascope.cli.parsing import Parser, speak, told
from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import REPEATS, WATCH, Remedy


def parser() -> Parser:
    """The parser of `stratascope`; without a command the window is meant."""
    speak()
    top = Parser(
        prog="stratascope",
        description=told(
            msg(
                "Shows what really stands between a container and the host's kernel, layer by layer. "
                "Without a command it opens the window."
            )
        ),
        epilog=told(
            msg(
                "STRATASCOPE_ENGINES (endpoints separated by spaces, each optionally kind=…) replaces the search "
                "for engines."
            )
        ),
    )
    top.add_argument(
        "--version",
        action="version",
        version=f"stratascope {__version__}",
        help=told(msg("print the version and exit")),
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help=told(msg("print the layers of containers")),
        description=told(
            msg(
                "Prints the layers of each container, as the kernel enforces them. With names or ids: of these "
                "only, with every decoded fact."
            )
        ),
    )
    report.add_argument("containers", nargs="*", metavar="NAME|ID", help=told(msg("only these containers, in detail")))
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    form.add_argument(
        "--html", type=Path, metavar="FILE", help=told(msg("write one self-contained page into FILE instead"))
    )
    report.add_argument(
        "--fail-above",
        type=exposure,
        metavar="N",
        help=told(msg("exit with 1 where a container's exposure is above N (0 to 10)")),
    )
    report.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="ID",
        help=told(msg("only this engine, by its id or endpoint (repeatable)")),
    )
    report.add_argument(
        "--privileged",
        action="store_true",
        help=told(
            msg(
                "also read what only root can (seccomp filters, namespaces of others); asks for a password where needed"
            )
        ),
    )
    report.add_argument(
        "--verified-only",
        action="store_true",
        help=told(msg("what only the engine states, and this user may not read in the kernel, counts as not known")),
    )
    record = report.add_mutually_exclusive_group()
    record.add_argument(
        "--save-capture", type=Path, metavar="FILE", help=told(msg("also record everything read into FILE"))
    )
    record.add_argument("--from-capture", type=Path, metavar="FILE", help=told(msg("work from such a record instead")))
    engines = commands.add_parser(
        "engines",
        help=told(msg("list the engines and what to do where one can't be used")),
        description=told(msg("Lists the container engines that were found, and what to do where one can't be used.")),
    )
    engines.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    _hardening(commands)
    _learning(commands)
    arguments_desktop.add(commands)
    return top


def _hardening(commands: argparse._SubParsersAction[Parser]) -> None:
    harden = commands.add_parser(
        "harden",
        help=told(msg("relaunch containers with hardened settings, prove it, and keep a way back")),
        description=told(
            msg(
                "Relaunches containers with hardened settings, proves the result from /proc, and rolls back by "
                "itself where that fails. The original is set aside until it is discarded. Without preset and "
                "toggles: an unchanged relaunch. Several are relaunched one after the other, and where one fails those "
                "before it are undone. Exit status, of the worst: 0 enforced and seen to work, 1 kept though one of "
                "the two was not shown, 2 usage or engine error, 3 refused, 4 rolled back."
            )
        ),
    )
    tighten = _tighten(commands)
    for each in (harden, tighten):
        _relaunching(each)
    undo = commands.add_parser("undo", help=told(msg("back to the original that was set aside")), allow_abbrev=False)
    undo.add_argument(
        "--group", action="store_true", help=told(msg("also all that were relaunched together with it by one command"))
    )
    for each in (harden, tighten, undo):
        _several(each)
        each.add_argument("--dry-run", action="store_true", help=told(msg("say what would happen, and change nothing")))
        each.add_argument("--json", action="store_true", help=told(msg("print a JSON object a line")))
        each.add_argument(
            "--watch", type=seconds, default=WATCH, metavar="SECONDS", help=told(msg("how long it is watched (10)"))
        )
    discard = commands.add_parser(
        "discard",
        help=told(msg("remove the original that was set aside")),
    )
    discard.add_argument("container", metavar="NAME|ID")
    recover = commands.add_parser(
        "recover",
        help=told(msg("finish or roll back what a crash left half done")),
    )
    export = commands.add_parser(
        "export",
        help=told(msg("write hardened settings for another tool")),
        description=told(
            msg(
                "Prints the settings of a container, hardened as chosen, in the form of another tool. Values of "
                "the environment are left out."
            )
        ),
    )
    export.add_argument("container", metavar="NAME|ID")
    export.add_argument(
        "--as",
        dest="kind",
        required=True,
        choices=("docker-run", "podman-run", "compose", "quadlet", "kubernetes", "seccomp"),
    )
    export.add_argument("--secrets", action="store_true", help=told(msg("with the values of the environment")))
    for each in (harden, export):
        each.add_argument(
            "--preset",
            choices=("critical", "recommended", "restricted", "strict"),  # a test holds them against the type
            help=told(
                msg("choose a set of toggles: critical is the smallest that closes what is critical and serious")
            ),
        )
        each.add_argument(
            "--set", action="append", default=[], metavar="TOGGLE=VALUE", help=told(msg("one toggle (repeatable)"))
        )
    for each in (harden, tighten, undo, discard, recover, export):
        each.add_argument(
            "--engine", action="append", default=[], metavar="ID", help=told(msg("only this engine (repeatable)"))
        )


def _tighten(commands: argparse._SubParsersAction[Parser]) -> Parser:
    tighten = commands.add_parser(
        "tighten",
        help=told(msg("find the tightest settings with which a container still works, and relaunch it with them")),
        description=told(
            msg(
                "Watches a disposable twin of the container, finds what it does not need, tries the tightest settings "
                "on further twins, and then relaunches it as harden does. The container itself is not touched before "
                "that. Exit status as of harden."
            )
        ),
    )
    tighten.add_argument(
        "--exercise",
        action="append",
        default=[],
        metavar="COMMAND",
        help=told(
            msg(
                "run for each trial (repeatable): status 0 says that the twin works; STRATASCOPE_TWIN_PID, _NAME and "
                "_NETNS say where it is"
            )
        ),
    )
    tighten.add_argument(
        "--repeat", type=repeats, default=REPEATS, metavar="N", help=told(msg("how often the result is tried (3)"))
    )
    tighten.add_argument(
        "--keep", action="append", default=[], metavar="TOGGLE,…", help=told(msg("leave these as they are"))
    )
    tighten.add_argument(
        "--tight",
        action="store_true",
        help=told(msg("allow only the system calls that were seen, not all harmless ones")),
    )
    return tighten


def _relaunching(each: Parser) -> None:
    """What `harden` and `tighten` take alike."""
    each.add_argument(
        "--keep-done",
        action="store_true",
        help=told(msg("of several: keep those that are done where a later one fails, instead of undoing them")),
    )
    each.add_argument("--yes", action="store_true", help=told(msg("do not ask")))
    each.add_argument(
        "--keep-unverified", action="store_true", help=told(msg("keep a replacement that could not be proven"))
    )
    each.add_argument(
        "--enforced-is-enough",
        action="store_true",
        help=told(msg("exit with 0 also where it is enforced and nothing showed that it works")),
    )
    each.add_argument(
        "--watch-refusals",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help=told(msg("how long it is watched then for what is refused to it, which takes root (0)")),
    )
    each.add_argument(
        "--no-search",
        action="store_true",
        help=told(msg("do not search on twins for what breaks it, where it fails and nothing says why")),
    )
    each.add_argument(
        "--commit-layer",
        dest="remedies",
        action="append_const",
        const=Remedy.COMMIT_LAYER,
        default=[],
        help=told(msg("carry over what it wrote outside its volumes, in an image that stays on the engine")),
    )
    each.add_argument(
        "--leave-logs",
        dest="remedies",
        action="append_const",
        const=Remedy.LEAVE_LOGS,
        help=told(
            msg("begin logs anew that it wrote outside its volumes; where Compose creates it, the old ones are lost")
        ),
    )
    each.add_argument(
        "--with-dependents",
        dest="remedies",
        action="append_const",
        const=Remedy.DEPENDENTS,
        help=told(
            msg("relaunch with it, unchanged, the containers that use its namespaces, are linked to it or require it")
        ),
    )


def _several(each: Parser) -> None:
    """Which containers, of one engine."""
    each.add_argument("containers", nargs="*", metavar="NAME|ID", help=told(msg("one or several containers")))
    each.add_argument("--project", metavar="NAME", help=told(msg("all that run of this Compose project")))
    each.add_argument("--service", metavar="NAME", help=told(msg("all replicas of this Compose service")))
    each.add_argument("--image", metavar="NAME", help=told(msg("all that run from this image")))


def _learning(commands: argparse._SubParsersAction[Parser]) -> None:
    observe = commands.add_parser(
        "observe",
        help=told(msg("watch what a container really uses")),
        description=told(
            msg(
                "Watches what a container really uses from now on (system calls, capabilities, files, ports), and adds "
                "it to what was learned before of its image and command. It needs root, and asks for a password where "
                "needed. Ctrl+C ends it; nothing of it is lost then."
            )
        ),
    )
    needs = commands.add_parser(
        "needs",
        help=told(msg("what was learned of a container so far")),
        description=told(
            msg("Prints what containers of this image and command were seen to use, and in which parts of their life.")
        ),
    )
    denials = commands.add_parser(
        "denials",
        usage="%(prog)s [-h] [--for SECONDS] [--all] [--json] [--engine ID] NAME|ID [-- COMMAND …]",
        help=told(msg("what a container is refused, by whom, and what would allow it")),
        description=told(
            msg(
                "Tells what a container is refused from now on: what it tried, which layer refused it, what would "
                "allow it and what that would open. With a command behind --: runs it in the container and tells what "
                "it is refused. Of one that has ended: why. It needs root, and asks for a password where needed."
            )
        ),
    )
    denials.takes_command = True
    denials.add_argument("--all", action="store_true", help=told(msg("harmless probing of healthy programs too")))
    for each in (observe, needs, denials):
        each.add_argument("container", metavar="NAME|ID")
        each.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
        each.add_argument(
            "--engine", action="append", default=[], metavar="ID", help=told(msg("only this engine (repeatable)"))
        )
    for each in (observe, denials):
        each.add_argument(
            "--for", dest="seconds", type=observing, metavar="SECONDS", help=told(msg("how long (until it is ended)"))
        )
    needs.add_argument("--forget", action="store_true", help=told(msg("forget it")))
