"""Defines all commands and options of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from stratascope import __version__
from stratascope.cli.examples import EXAMPLES
from stratascope.cli.parsing import Parser, columns_of, exposure, help_text, observing, repeats, seconds, since, speak
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import REPEATS, WATCH, Remedy
from stratascope.core.severity import Severity

FORMATS = ("text", "json", "ndjson", "html", "sarif", "junit", "gitlab", "gitlab-sast", "prometheus", "sqlite")
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def parser() -> Parser:
    """The parser of `stratascope`; without a command, it opens the window."""
    speak()
    top = Parser(
        prog="stratascope",
        description=help_text(
            msg(
                "Shows what really stands between a container and the host's kernel, layer by layer. Without a "
                "command, opens the window."
            )
        ),
        epilog=help_text(
            msg(
                "STRATASCOPE_ENGINES (endpoints separated by spaces, each optionally kind=…) replaces engine discovery."
            )
        ),
    )
    _option(top, "--version", msg("print the version and exit"), action="version", version=f"stratascope {__version__}")
    _option(top, "--from-capture", msg("open the window on these captures instead of this machine"),
            dest="window_captures", nargs="+", type=Path, default=(), metavar="FILE")  # fmt: skip
    _option(top, "--show", msg("open the window on this container, or bring it to the front"), dest="window_shows",
            default="", metavar="NAME|ID")  # fmt: skip
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    _report(commands)
    _looking(commands)
    _reach(commands)
    _try(commands)
    _learn(commands)
    _check(commands)
    engines = _command(
        commands,
        "engines",
        msg("list the engines, and what to do about those that can't be used"),
        msg("Lists the container engines that were found, and what to do about those that can't be used."),
    )
    _json(engines)
    _hardening(commands)
    _learning(commands)
    _history(commands)
    _desktop(commands)
    return top


def _command(commands: Commands, name: str, short: Message, description: Message | None = None, **more: Any) -> Parser:
    if description is not None:
        more["description"] = help_text(description)
    command = commands.add_parser(name, help=help_text(short), **more)
    command.epilog = _told(command.prog.partition(" ")[2])
    return command


def _told(name: str) -> str | None:
    """That command's examples, below its help."""
    examples = EXAMPLES.get(name, ())
    return "\n".join((help_text(msg("Examples:")), *(f"  {each}" for each in examples))) if examples else None


def _option(where: argparse._ActionsContainer, name: str, text: Message, **more: Any) -> None:
    where.add_argument(name, help=help_text(text), **more)


def _flag(where: argparse._ActionsContainer, name: str, text: Message) -> None:
    _option(where, name, text, action="store_true")


def _json(where: argparse._ActionsContainer) -> None:
    _flag(where, "--json", msg("print JSON instead of text"))


def _list(where: argparse._ActionsContainer, name: str, metavar: str, text: Message) -> None:
    """An option that may be given several times."""
    _option(where, name, text, action="append", default=[], metavar=metavar)


def _engine(where: Parser) -> None:
    _list(where, "--engine", "ID", msg("only this engine (repeatable)"))


def _dry_run(where: Parser) -> None:
    _flag(where, "--dry-run", msg("say what would happen, and change nothing"))


def _yes(where: Parser) -> None:
    _flag(where, "--yes", msg("do not ask"))


def _reading(where: Parser) -> None:
    """Add the options for what is read on this machine, and how far it is trusted."""
    _as_root(where)
    _flag(
        where,
        "--verified-only",
        msg("count as unknown what only the engine says and this user can't read from the kernel"),
    )


def _as_root(where: Parser) -> None:
    rights = msg(
        "also read what only root can (seccomp filters, other users' namespaces); asks for a password if needed"
    )
    where.add_argument("--as-root", "--privileged", dest="privileged", action="store_true", help=help_text(rights))


def _report(commands: Commands) -> None:
    report = _command(
        commands,
        "report",
        msg("print the layers of containers"),
        msg(
            "Prints the layers of each container as the kernel enforces them, what is open and how to close "
            "it. With names or IDs: only these containers; with --all, every decoded fact and every threat."
        ),
    )
    _option(report, "containers", msg("only these containers"), nargs="*", metavar="NAME|ID")
    _flag(report, "--all", msg("every decoded fact, every threat and every finding"))
    form = report.add_mutually_exclusive_group()
    _json(form)
    _option(form, "--html", msg("write one self-contained page into FILE instead"), type=Path, metavar="FILE")
    _form(report, form)
    _list(report, "--engine", "ID", msg("only this engine, by its ID or endpoint (repeatable)"))
    _reading(report)
    record = report.add_mutually_exclusive_group()
    _option(record, "--save-capture", msg("also record everything read into FILE"), type=Path, metavar="FILE")
    _option(
        record,
        "--from-capture",
        msg("work from such recordings instead; several, or a directory of them, are reported as one fleet"),
        type=Path,
        nargs="+",
        metavar="PATH",
    )


def _form(command: Parser, form: argparse._MutuallyExclusiveGroup) -> None:
    """Add the options for a report's format, for `report` and `check`. `form`: the group that has --json."""
    _option(
        form,
        "--format",
        msg(
            "print it for another tool, as {formats}: gitlab is a code quality report, gitlab-sast one for the "
            "security dashboard, prometheus the format of a textfile collector, sqlite a database",
            formats=", ".join(FORMATS),
        ),
        choices=FORMATS,
        metavar="FORMAT",  # argparse would list all formats in one word, wider than a terminal
    )
    for name, text in (
        ("--output", msg("write it into FILE, whole or not at all, instead of printing it; - prints it")),
        ("--baseline", msg("only what is new or worse since FILE, an earlier JSON report")),
        ("--exceptions", msg("count, but do not list, findings that FILE accepts until a given day")),
    ):
        _option(command, name, text, type=Path, metavar="FILE")
    above = msg("exit with 1 where a container's exposure is above N (0 to 10)")
    _option(command, "--fail-above", above, type=exposure, metavar="N")
    severe = msg("exit with 1 if a finding of this severity or worse, or an open threat of it, is not accepted")
    _option(command, "--fail-on", severe, choices=tuple(each.value for each in Severity))


def _looking(commands: Commands) -> None:
    listing = _command(
        commands,
        "list",
        msg("list the containers, one per line"),
        msg(
            "Prints a line for each container, the most exposed first: exposure, the marks of layers 1 to 6, "
            "name, group, engine, image, and the worst open threat; of sandboxes also the id, by which reach and "
            "history take one. The JSON also lists who shares what."
        ),
    )
    _option(listing, "--from-capture", msg("work from such a recording instead"), type=Path, metavar="FILE")
    _option(listing, "--all", msg("also the sandboxes of other makers: agents, applications, machines, services"),
            action="store_true")  # fmt: skip
    _option(listing, "--agents", msg("only the sandboxes of AI agents"), action="store_true")
    # a test compares both with `list_report`
    sorts = ("exposure", "name", "group", "engine", "image")
    _option(listing, "--sort", msg("sort by exposure (the worst first), name, group, engine or image"), choices=sorts,
            default="exposure", metavar="COLUMN")  # fmt: skip
    _option(
        listing,
        "--columns",
        msg("these columns, in this order, of exposure, layers, name, id, group, engine, image and why"),
        type=columns_of("exposure", "layers", "name", "id", "group", "engine", "image", "why"),
        default=(),
        metavar="COLUMN,…",
    )
    diff = _command(
        commands,
        "diff",
        msg("what differs between two containers, or two captures"),
        msg(
            "Prints how two containers differ: layers, threats, system calls and settings. Each is a name, an ID "
            "or a capture; from a capture, the container of the same name is taken, or FILE:NAME. Two captures "
            "without names: what changed in every container."
        ),
    )
    diff.add_argument("one", metavar="A")
    diff.add_argument("two", metavar="B")
    for each in (listing, diff):
        _json(each)
        _engine(each)
        _reading(each)


def _reach(commands: Commands) -> None:
    reach = _command(
        commands,
        "reach",
        msg("what a container or process can get at: keys, sockets, network"),
        msg(
            "Prints what a container, or any process, can read, write, talk to and see of this machine, as the kernel "
            "enforces it: credentials by kind, sockets that lend another's rights, network, processes, devices. No "
            "content is read. Exit status 1 where something that --fail-on names is within reach, or where what was "
            "tried is not as predicted."
        ),
    )
    reach.add_argument("what", metavar="NAME|ID|PID")
    form = reach.add_mutually_exclusive_group()
    _json(form)
    _option(
        form,
        "--format",
        msg("print it for another tool: sarif has what is within reach as results"),
        choices=("text", "json", "sarif"),
        metavar="FORMAT",
    )
    _option(
        reach,
        "--try",
        msg("try it, harmlessly: open without reading, connect without sending, as a child of that very process"),
        action="store_true",
        dest="tries",
    )
    _option(
        reach,
        "--fail-on",
        msg("exit with 1 if one of these is within reach: ids of rows, or credential, socket, network, file, process"),
        default="",
        metavar="KIND,…",
    )
    _engine(reach)
    _as_root(reach)


def _try(commands: Commands) -> None:
    trying = _command(
        commands,
        "try",
        msg("try threats harmlessly on a copy of a container: which layer answers"),
        msg(
            "Makes a copy of a container, in which a small program of Stratascope's own tries each threat in a way "
            "that harms nothing, and removes it. Prints what was predicted, what came of it, and which layer refused "
            "it. The container itself is not touched, but for --in-place. Exit status 1 where one came otherwise than "
            "predicted."
        ),
    )
    trying.add_argument("container", nargs="?", default="", metavar="NAME|ID|PID")
    trying.add_argument("threats", nargs="*", metavar="THREAT")
    _option(
        trying,
        "--in-place",
        msg("try them in the running container or sandbox itself, and only what changes nothing; no copy is made"),
        action="store_true",
    )
    _option(
        trying,
        "--self-check",
        msg("try all threats on disposable containers of each engine with plain options, and count what agrees"),
        action="store_true",
    )
    _option(trying, "--all", msg("print all threats, also those that were stopped or not tried"), action="store_true")
    _json(trying)
    _engine(trying)


def _learn(commands: Commands) -> None:
    learn = _command(
        commands,
        "learn",
        msg("learn what each layer stops: take it away, see an attempt get through, put it back"),
        msg(
            "Starts a container of Stratascope's own on your engine without one layer, tries something harmless that "
            "gets through, and again with the layer, which stops it. Nothing is left of it. Without a lesson, lists "
            "them. Exit status 1 where one came otherwise than the lesson says."
        ),
    )
    learn.add_argument("lesson", nargs="?", default="", metavar="LESSON")
    _json(learn)
    _engine(learn)


def _check(commands: Commands) -> None:
    check = _command(
        commands,
        "check",
        msg("what would protect the host from a container before it is started"),
        msg(
            "Says what would stand between a container and this machine's kernel, based on what would start it: "
            "a run command, a Compose file, a Quadlet unit, a Kubernetes manifest or a devcontainer.json. Nothing is "
            "started. Exit status as for report; 2 for a file that is not understood."
        ),
    )
    check.takes_command = True
    _option(
        check,
        "file",
        msg("what would start it; - is standard input. Or a command after --: -- docker run …"),
        nargs="?",
        type=Path,
        metavar="FILE",
    )
    _list(check, "--service", "NAME", msg("only this service or container of the file (repeatable)"))
    _list(
        check,
        "--engine",
        "ID",
        msg("as this engine would start it, by its ID or endpoint; by default the first that answers"),
    )
    _option(check, "--ground", msg("judge for the machine on which this capture was taken"), type=Path,
            metavar="CAPTURE")  # fmt: skip
    _list(
        check,
        "--env",
        "NAME[=VALUE]",
        msg("a value that the file asks for; without a value, that of the environment (repeatable)"),
    )
    fix = check.add_mutually_exclusive_group()
    _flag(fix, "--diff", msg("print what would close all critical and serious threats, as a diff of the file"))
    _option(fix, "--fix", msg("write the file with that diff applied to COPY"), type=Path, metavar="COPY")
    _flag(fix, "--in-place", msg("apply that diff to the file itself"))
    form = check.add_mutually_exclusive_group()
    _json(form)
    _form(check, form)


def _hardening(commands: Commands) -> None:
    plan = _command(
        commands,
        "plan",
        msg("what would be changed of a container or a file, in order, and why"),
        msg(
            "Prints the plan: each change with its evidence, on or off, and the exposure before and after. "
            "Changes nothing; harden carries out what is on."
        ),
    )
    plan.add_argument("what", metavar="NAME|ID|FILE")
    _json(plan)
    _engine(plan)
    harden = _command(
        commands,
        "harden",
        msg("relaunch containers with hardened settings, prove it, and keep a way back"),
        msg(
            "Relaunches containers with hardened settings, verifies the result in /proc, and rolls back if "
            "that fails. The original is kept for undo until discard deletes it. Without a preset or "
            "changes, you are asked what to apply; with --yes, the container is relaunched unchanged. "
            "Several containers are relaunched one after the other; if one fails, the earlier ones are "
            "undone. Exit status (the worst of all): 0 enforced and works, 1 kept but one of the two was not "
            "shown, 2 usage or engine error, 3 refused, 4 rolled back."
        ),
    )
    tighten = _tighten(commands)
    for each in (harden, tighten):
        _relaunching(each)
    undo = _command(
        commands,
        "undo",
        msg("bring back the original"),
        msg(
            "Stops the relaunched container and starts the original again, as it was before harden or "
            "tighten, and verifies it. What was written into volumes since stays there; where harden made "
            "volumes, a container with the original's settings is started with them. Exit status as for "
            "harden."
        ),
        allow_abbrev=False,
    )
    _flag(undo, "--group", msg("also all containers that were relaunched together with it by one command"))
    for each in (harden, tighten, undo):
        _several(each)
        _dry_run(each)
        _flag(each, "--json", msg("print one JSON object per line"))
        _option(each, "--watch", msg("seconds to watch it for (10)"), type=seconds, default=WATCH, metavar="SECONDS")
    exercise = _command(
        commands,
        "exercise",
        msg("test a relaunched container with a command"),
        msg(
            "Runs a command that tests whether a relaunched container works, and keeps the result. It tests "
            "the container itself, not a copy. Exit status: 0 it works, 1 the command failed, 2 usage or "
            "engine error."
        ),
    )
    exercise.add_argument("container", metavar="NAME|ID")
    exercise.add_argument(
        "words",
        metavar="COMMAND",
        help=help_text(
            msg(
                "run by sh: status 0 means that it works; STRATASCOPE_TWIN_PID, _NAME and _NETNS identify the container"
            )
        ),
    )
    _json(exercise)
    discard = _command(
        commands,
        "discard",
        msg("delete the kept original"),
        msg(
            "Deletes the original that harden or tighten kept: undo is not possible after that. The "
            "relaunched container and all volumes stay."
        ),
    )
    discard.add_argument("container", metavar="NAME|ID")
    _yes(discard)
    recover = _command(
        commands,
        "recover",
        msg("finish or undo interrupted relaunches"),
        msg(
            "Finishes or rolls back relaunches that a crash, kill or power failure interrupted, and says "
            "what runs now. harden, tighten, undo and the window do this when they start."
        ),
    )
    for each in (discard, recover):
        _json(each)
    export = _command(
        commands,
        "export",
        msg("write hardened settings for another tool"),
        msg(
            "Prints the settings of a container, hardened as chosen, in the format of another tool. Values of "
            "environment variables are left out."
        ),
    )
    export.add_argument("container", metavar="NAME|ID")
    kinds = ("docker-run", "podman-run", "compose", "quadlet", "kubernetes", "seccomp")
    _option(
        export,
        "--as",
        msg("one of {formats}", formats=", ".join(kinds)),
        dest="kind",
        required=True,
        choices=kinds,
        metavar="FORMAT",  # as for a report: the choices in one word are wider than a terminal
    )
    _flag(export, "--secrets", msg("include the values of environment variables"))
    _json(export)
    for each in (harden, export):
        _option(
            each,
            "--preset",
            msg(
                "what to carry out: recommended is the plan, critical what of it closes all serious threats; "
                "restricted and strict are more than the plan; pss-baseline, pss-restricted and cis match a standard"
            ),
            # a test compares them with `Preset`
            choices=("critical", "recommended", "restricted", "strict", "pss-baseline", "pss-restricted", "cis"),
            metavar="PRESET",
        )
        _list(each, "--set", "TOGGLE=VALUE", msg("one change (repeatable)"))
    for each in (harden, tighten, undo, exercise, discard, recover, export):
        _engine(each)


def _tighten(commands: Commands) -> Parser:
    tighten = _command(
        commands,
        "tighten",
        msg("find the tightest settings that a container still works with, and relaunch it with them"),
        msg(
            "Watches a copy of the container, finds out what it does not need, tries the tightest settings "
            "on further copies, and relaunches it as harden does. The container itself is not touched until "
            "then. Exit status as for harden."
        ),
    )
    _list(
        tighten,
        "--exercise",
        "COMMAND",
        msg(
            "run for each trial (repeatable): status 0 means that the copy works; STRATASCOPE_TWIN_PID, "
            "_NAME and _NETNS identify it"
        ),
    )
    times = msg("how many times the result is tried (3)")
    _option(tighten, "--repeat", times, type=repeats, default=REPEATS, metavar="N")
    _list(tighten, "--keep", "TOGGLE,…", msg("leave these as they are"))
    _flag(tighten, "--tight", msg("allow only the system calls that were seen, not all harmless ones"))
    return tighten


def _relaunching(each: Parser) -> None:
    """Add the options that `harden` and `tighten` share."""
    _flag(
        each,
        "--keep-done",
        msg("with several containers: if one fails, keep those already done instead of undoing them"),
    )
    _yes(each)
    _flag(each, "--keep-unverified", msg("keep a replacement that could not be verified"))
    _flag(each, "--enforced-is-enough", msg("exit with 0 even if nothing showed that it works"))
    _option(
        each,
        "--watch-refusals",
        msg("seconds to watch afterwards for refusals, which requires root (0)"),
        type=seconds,
        default=0.0,
        metavar="SECONDS",
    )
    _flag(
        each,
        "--no-search",
        msg("if it fails and nothing says why, do not search on copies for the change that breaks it"),
    )
    each.set_defaults(remedies=[])
    for name, remedy, text in (
        (
            "--commit-layer",
            Remedy.COMMIT_LAYER,
            msg("carry over what it wrote outside its volumes, in an image that stays on the engine"),
        ),
        (
            "--leave-logs",
            Remedy.LEAVE_LOGS,
            msg("leave logs that it wrote outside its volumes behind; if Compose creates it, they are lost"),
        ),
        (
            "--with-dependents",
            Remedy.DEPENDENTS,
            msg("also relaunch, unchanged, the containers that use its namespaces, are linked to it or require it"),
        ),
    ):
        _option(each, name, text, dest="remedies", action="append_const", const=remedy)


def _several(each: Parser) -> None:
    """Add the options that select containers of one engine."""
    _option(each, "containers", msg("one or more containers"), nargs="*", metavar="NAME|ID")
    for name, text in (
        ("--project", msg("all running containers of this Compose project")),
        ("--service", msg("all replicas of this Compose service")),
        ("--image", msg("all running containers of this image")),
    ):
        _option(each, name, text, metavar="NAME")


def _learning(commands: Commands) -> None:
    observe = _command(
        commands,
        "observe",
        msg("watch what a container really uses"),
        msg(
            "Watches what a container really uses from now on (system calls, capabilities, files, ports), and "
            "adds it to what was learned before about its image and command. Requires root, and asks for a "
            "password if needed. Ctrl+C stops watching; nothing learned is lost."
        ),
    )
    needs = _command(
        commands,
        "needs",
        msg("what was learned about a container so far"),
        msg("Prints what containers of this image and command were seen to use, and in which phases of their life."),
    )
    denials = _command(
        commands,
        "denials",
        msg("what a container is refused, by what, and what would allow it"),
        msg(
            "Shows what a container is refused from now on: what it tried, which layer refused it, what would "
            "allow it and what that would open. With a command after --: runs it in the container and shows what "
            "it is refused. For a container that has ended: why it ended. Requires root, and asks for a password "
            "if needed. With a command and no container: runs it here as this user, and says why it does not "
            "start, and the least that lets it; exit status 1 if it does not."
        ),
        usage="%(prog)s [-h] [--for SECONDS] [--all] [--json] [--engine ID]\n"
        "                           [--filter FILE] [NAME|ID] [-- COMMAND …]",
    )
    denials.takes_command = True
    _flag(denials, "--all", msg("also show harmless probing by healthy programs"))
    _option(denials, "--filter", msg("write the system call filter that lets it start"), metavar="FILE")
    for each in (observe, needs, denials):
        each.add_argument("container", metavar="NAME|ID", nargs="?" if each is denials else None)
        _json(each)
        _engine(each)
    for each in (observe, denials):
        _option(each, "--for", msg("seconds to watch for (until interrupted)"), dest="seconds", type=observing,
                metavar="SECONDS")  # fmt: skip
    _flag(needs, "--forget", msg("forget what was learned"))


def _history(commands: Commands) -> None:
    history = _command(
        commands,
        "history",
        msg("what changed in containers, and when"),
        msg(
            "Prints what changed in containers: settings, exposure, restarts, relaunches, processes that differ, "
            "and peak usage. Changes are recorded while the window is open, or in the background; no engine is asked."
        ),
    )
    _option(history, "container", msg("only this container"), nargs="?", metavar="NAME|ID")
    _flag(history, "--all", msg("one list over all containers, the worst first"))
    back = msg("how far back to look: 30m, 12h, 2w, yesterday, a day such as 2026-11-30, or all (1d)")
    _option(history, "--since", back, type=since, default=since("1d"), metavar="TIME")
    _json(history)
    _engine(history)


def _desktop(commands: Commands) -> None:
    """Add the commands that integrate with the desktop, root's helper and the shell."""
    desktop = _command(
        commands,
        "desktop",
        msg("add Stratascope to the desktop menu, or remove it"),
        msg(
            "Adds a menu entry and icons for this installation to the desktop, or removes exactly these. Files "
            "that were changed, or that are not Stratascope's, are left alone and listed."
        ),
    )
    helper = _command(
        commands,
        "helper",
        msg("install the helper that reads as root, or remove it"),
        msg(
            "Installs a helper that reads what only root can read, and the polkit action for it, so that polkit "
            "asks for the password with Stratascope's own text. It asks for root once, says what it writes, and "
            "can remove exactly that."
        ),
    )
    for command in (desktop, helper):
        command.epilog = _told(f"{command.prog.partition(' ')[2]} install")
        acts = command.add_subparsers(dest="act", metavar="ACTION", required=True)
        install = _command(acts, "install", msg("install it"))
        for act in (install, _command(acts, "remove", msg("remove what install wrote"))):
            _dry_run(act)
            _json(act)
            if command is desktop:
                place = act.add_mutually_exclusive_group()
                _flag(place, "--user", msg("for this user only (the default)"))
                _flag(place, "--system", msg("for all users of this machine; requires root"))
                _flag(
                    act,
                    "--background",
                    msg("also the service that records the history while no window is open")
                    if act is install
                    else msg("only the service that records while no window is open"),
                )
        if command is desktop:
            told = install.add_mutually_exclusive_group()
            _flag(told, "--notices", msg("with --background: notify when one could take over or gains rights"))
            _flag(told, "--no-notices", msg("with --background: no longer notify"))
    background = _command(
        commands,
        "background",
        msg("record the history without a window"),
        msg(
            "Records the history and, where chosen in the settings, notifies, until it is ended. This is what "
            "“desktop install --background” starts at login; where there is no systemd, start it yourself."
        ),
    )
    _flag(background, "--status", msg("only tell whether it runs; exit code 1 if not"))
    _json(background)
    completion = _command(
        commands,
        "completion",
        msg("print the completion script for a shell"),
        msg(
            "Prints the script with which a shell completes stratascope commands, including container names. For "
            "bash: stratascope completion bash > ~/.local/share/bash-completion/completions/stratascope"
        ),
    )
    _option(completion, "shell", msg("the shell to print it for"), choices=("bash", "zsh", "fish"))
    _json(completion)
