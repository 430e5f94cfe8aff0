"""The words of the command line. An option whose feature does not exist yet is not here: argparse refuses it."""

from __future__ import annotations

import argparse
from pathlib import Path

from stratascope import __version__
from stratascope.cli import arguments_desktop, arguments_history, arguments_looking
from stratascope.cli.check import arguments as arguments_check
from stratascope.cli.numbers import observing, repeats, seconds
from stratascope.cli.parsing import Parser, speak, told
from stratascope.cli.reporting import arguments as reporting
from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import REPEATS, WATCH, Remedy


def parser() -> Parser:
    """The parser of `stratascope`; without a command the window is meant."""
    speak()
    top = Parser(
        prog="stratascope",
        description=told(
            msg(
                "Shows what really stands between a container and the host's kernel, layer by layer. Without a "
                "command, opens the window."
            )
        ),
        epilog=told(
            msg(
                "STRATASCOPE_ENGINES (endpoints separated by spaces, each optionally kind=…) replaces engine discovery."
            )
        ),
    )
    top.add_argument(
        "--version",
        action="version",
        version=f"stratascope {__version__}",
        help=told(msg("print the version and exit")),
    )
    top.add_argument(
        "--from-capture",
        dest="window_captures",
        nargs="+",
        type=Path,
        default=(),
        metavar="FILE",
        help=told(msg("open the window on these captures instead of this machine")),
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help=told(msg("print the layers of containers")),
        description=told(
            msg(
                "Prints the layers of each container as the kernel enforces them. With names or IDs: only these "
                "containers, with every decoded fact."
            )
        ),
    )
    report.add_argument("containers", nargs="*", metavar="NAME|ID", help=told(msg("only these containers, in detail")))
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    form.add_argument(
        "--html", type=Path, metavar="FILE", help=told(msg("write one self-contained page into FILE instead"))
    )
    reporting.add(report, form)
    report.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="ID",
        help=told(msg("only this engine, by its ID or endpoint (repeatable)")),
    )
    report.add_argument(
        "--privileged",
        action="store_true",
        help=told(
            msg(
                "also read what only root can (seccomp filters, other users' namespaces); asks for a password if needed"
            )
        ),
    )
    report.add_argument(
        "--verified-only",
        action="store_true",
        help=told(msg("treat what only the engine states, and this user can't read from the kernel, as unknown")),
    )
    record = report.add_mutually_exclusive_group()
    record.add_argument(
        "--save-capture", type=Path, metavar="FILE", help=told(msg("also record everything read into FILE"))
    )
    record.add_argument(
        "--from-capture",
        type=Path,
        nargs="+",
        metavar="FILE|DIR",
        help=told(msg("work from such recordings instead; several, or a folder of them, are reported as one fleet")),
    )
    arguments_looking.add(commands)
    arguments_check.add(commands)
    engines = commands.add_parser(
        "engines",
        help=told(msg("list the engines, and what to do about those that can't be used")),
        description=told(
            msg("Lists the container engines that were found, and what to do about those that can't be used.")
        ),
    )
    engines.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    _hardening(commands)
    _learning(commands)
    arguments_history.add(commands)
    arguments_desktop.add(commands)
    return top


def _hardening(commands: argparse._SubParsersAction[Parser]) -> None:
    harden = commands.add_parser(
        "harden",
        help=told(msg("relaunch containers with hardened settings, prove it, and keep a way back")),
        description=told(
            msg(
                "Relaunches containers with hardened settings, verifies the result in /proc, and rolls back "
                "automatically if that fails. The original is set aside until it is discarded. Without a preset or "
                "toggles, you are asked what to apply; with --yes, the container is relaunched unchanged. Several "
                "containers are relaunched one after the other; if one fails, the earlier ones are undone. Exit "
                "status (the worst of all): 0 enforced and seen to work, 1 kept although one of the two was not "
                "shown, 2 usage or engine error, 3 refused, 4 rolled back."
            )
        ),
    )
    tighten = _tighten(commands)
    for each in (harden, tighten):
        _relaunching(each)
    undo = commands.add_parser("undo", help=told(msg("go back to the original that was set aside")), allow_abbrev=False)
    undo.add_argument(
        "--group",
        action="store_true",
        help=told(msg("also all containers that were relaunched together with it by one command")),
    )
    for each in (harden, tighten, undo):
        _several(each)
        each.add_argument("--dry-run", action="store_true", help=told(msg("say what would happen, and change nothing")))
        each.add_argument("--json", action="store_true", help=told(msg("print one JSON object per line")))
        each.add_argument(
            "--watch", type=seconds, default=WATCH, metavar="SECONDS", help=told(msg("seconds to watch it for (10)"))
        )
    discard = commands.add_parser(
        "discard",
        help=told(msg("remove the original that was set aside")),
    )
    discard.add_argument("container", metavar="NAME|ID")
    discard.add_argument("--yes", action="store_true", help=told(msg("do not ask")))
    recover = commands.add_parser(
        "recover",
        help=told(msg("finish or roll back what a crash left unfinished")),
    )
    export = commands.add_parser(
        "export",
        help=told(msg("write hardened settings for another tool")),
        description=told(
            msg(
                "Prints the settings of a container, hardened as chosen, in the format of another tool. Values of "
                "environment variables are left out."
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
    export.add_argument("--secrets", action="store_true", help=told(msg("include the values of environment variables")))
    for each in (harden, export):
        each.add_argument(
            "--preset",
            choices=("critical", "recommended", "restricted", "strict"),  # a test holds them against the type
            help=told(
                msg(
                    "choose a set of toggles: critical is the smallest one that closes all critical and serious threats"
                )
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
                "Watches a disposable twin of the container, finds out what it does not need, tries the tightest "
                "settings on further twins, and then relaunches it as harden does. Until then the container itself "
                "is not touched. Exit status as for harden."
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
                "run for each trial (repeatable): status 0 means that the twin works; STRATASCOPE_TWIN_PID, _NAME "
                "and _NETNS identify it"
            )
        ),
    )
    tighten.add_argument(
        "--repeat", type=repeats, default=REPEATS, metavar="N", help=told(msg("how many times the result is tried (3)"))
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
        help=told(msg("with several containers: if one fails, keep those already done instead of undoing them")),
    )
    each.add_argument("--yes", action="store_true", help=told(msg("do not ask")))
    each.add_argument(
        "--keep-unverified", action="store_true", help=told(msg("keep a replacement that could not be verified"))
    )
    each.add_argument(
        "--enforced-is-enough",
        action="store_true",
        help=told(msg("exit with 0 even if it is enforced but nothing showed that it works")),
    )
    each.add_argument(
        "--watch-refusals",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help=told(msg("seconds to watch afterwards for refusals, which requires root (0)")),
    )
    each.add_argument(
        "--no-search",
        action="store_true",
        help=told(msg("if it fails and nothing says why, do not search on twins for the setting that breaks it")),
    )
    each.add_argument(
        "--commit-layer",
        dest="remedies",
        action="append_const",
        const=Remedy.COMMIT_LAYER,
        default=[],
        help=told(msg("carry over what it wrote outside its volumes, as an image that stays on the engine")),
    )
    each.add_argument(
        "--leave-logs",
        dest="remedies",
        action="append_const",
        const=Remedy.LEAVE_LOGS,
        help=told(
            msg("start logs that it wrote outside its volumes anew; if Compose creates it, the old ones are lost")
        ),
    )
    each.add_argument(
        "--with-dependents",
        dest="remedies",
        action="append_const",
        const=Remedy.DEPENDENTS,
        help=told(
            msg("also relaunch, unchanged, the containers that use its namespaces, are linked to it or require it")
        ),
    )


def _several(each: Parser) -> None:
    """Which containers, of one engine."""
    each.add_argument("containers", nargs="*", metavar="NAME|ID", help=told(msg("one or more containers")))
    each.add_argument("--project", metavar="NAME", help=told(msg("all running containers of this Compose project")))
    each.add_argument("--service", metavar="NAME", help=told(msg("all replicas of this Compose service")))
    each.add_argument("--image", metavar="NAME", help=told(msg("all running containers of this image")))


def _learning(commands: argparse._SubParsersAction[Parser]) -> None:
    observe = commands.add_parser(
        "observe",
        help=told(msg("watch what a container really uses")),
        description=told(
            msg(
                "Watches what a container really uses from now on (system calls, capabilities, files, ports), and "
                "adds it to what was learned before about its image and command. Requires root, and asks for a "
                "password if needed. Ctrl+C stops watching; nothing learned is lost."
            )
        ),
    )
    needs = commands.add_parser(
        "needs",
        help=told(msg("what was learned about a container so far")),
        description=told(
            msg("Prints what containers of this image and command were seen to use, and in which phases of their life.")
        ),
    )
    denials = commands.add_parser(
        "denials",
        usage="%(prog)s [-h] [--for SECONDS] [--all] [--json] [--engine ID] NAME|ID [-- COMMAND …]",
        help=told(msg("what a container is refused, by what, and what would allow it")),
        description=told(
            msg(
                "Shows what a container is refused from now on: what it tried, which layer refused it, what would "
                "allow it and what that would open. With a command after --: runs it in the container and shows what "
                "it is refused. For a container that has ended: why it ended. Requires root, and asks for a password "
                "if needed."
            )
        ),
    )
    denials.takes_command = True
    denials.add_argument("--all", action="store_true", help=told(msg("also show harmless probing by healthy programs")))
    for each in (observe, needs, denials):
        each.add_argument("container", metavar="NAME|ID")
        each.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
        each.add_argument(
            "--engine", action="append", default=[], metavar="ID", help=told(msg("only this engine (repeatable)"))
        )
    for each in (observe, denials):
        each.add_argument(
            "--for",
            dest="seconds",
            type=observing,
            metavar="SECONDS",
            help=told(msg("seconds to watch for (until interrupted)")),
        )
    needs.add_argument("--forget", action="store_true", help=told(msg("forget what was learned")))
