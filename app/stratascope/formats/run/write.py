"""Write a `docker run` or `podman run` command for a container, to be pasted into a shell.

Each word is quoted for the shell, so that foreign text in it can't act. Options that the chosen tool can't express are
in a comment above the command.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex

from stratascope.core import shell_quote
from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.request import HealthTest, Pairs, RunMount, RunOptions, health_command
from stratascope.core.options.rules import WRITABLE
from stratascope.core.options.table import LIMITS, MODES
from stratascope.core.options.values import LIMIT, device_text, port_text
from stratascope.formats.shared import (
    USUAL,
    capabilities,
    comment,
    file_name,
    has_profile,
    is_default_apparmor,
    missing,
    one,
    restart_text,
    title,
    variables,
    withheld,
)

Options = list[tuple[str, str | None]]  # names without dashes; None: no value

_DOCKER, _PODMAN = EngineKind.DOCKER, EngineKind.PODMAN
_LOG_DRIVERS = {"json-file": "k8s-file", "k8s-file": "json-file", "journald": "journald", "none": "none"}
_LOG_OPTIONS = ("max-size", "tag")  # supported by all engines
_SECOND = 1_000_000_000


def render(options: RunOptions, tool: EngineKind, secrets: bool) -> str:
    """The command, with comments above it. Raises NoNotationError."""
    said: Options = [("detach", None), ("name", options.name)]
    unsaid: list[Message] = []
    hidden = _process(options, tool, secrets, said, unsaid)
    _storage(options, tool, said, unsaid)
    _network(options, tool, said, unsaid)
    _rights(options, tool, said, unsaid)
    _resources(options, tool, said)
    said.extend((name, value or None) for name, value in options.shared)
    if options.kind is tool:
        said.extend((name, value or None) for name, value in options.own)
    else:
        unsaid.extend(one(name, value) for name, value in options.own if (name, value) not in USUAL)
    words = [_quoted(name, value) for name, value in said]
    entry, command = _command(options, tool)
    ended = ("--",) if options.image.startswith("-") else ()
    words += [*entry, shell_quote.words((*ended, options.image, *command))]
    head = [
        *title(options, msg("The container {name} as a command, written by Stratascope.", name=options.name)),
        *(missing(each) for each in unsaid),
        *withheld(hidden),
    ]
    if has_profile(options):
        head.append(profile_comment(options))
    head = [shell_quote.comment(line.removeprefix("# ")) for line in head]
    return "\n".join([*head, f"{tool.value} run \\", *(f"  {word} \\" for word in words[:-1]), f"  {words[-1]}"]) + "\n"


def profile_comment(options: RunOptions) -> str:
    """A comment on where to save the profile that the export names."""
    path = profile_path(options)
    return comment(msg("First save its seccomp profile as {path}: --as seccomp.", path=path))


def profile_path(options: RunOptions) -> str:
    return f"{file_name(options)}-seccomp.json"


def health_times(health: HealthTest) -> tuple[tuple[str, str], ...]:
    """The times that are set, by the names that `run` and Compose share."""
    named = (
        ("interval", health.interval),
        ("timeout", health.timeout),
        ("start-period", health.start_period),
        ("start-interval", health.start_interval),
    )
    return tuple((name, duration(value)) for name, value in named if value)


def duration(nanoseconds: int) -> str:
    """A duration as Go parses it: `90s`, `1500000ns`."""
    return f"{nanoseconds}ns" if nanoseconds % _SECOND else f"{nanoseconds // _SECOND}s"


def network_known(network: str, kind: EngineKind, tool: EngineKind) -> bool:
    """Whether the tool knows a network mode of that kind of engine."""
    return kind is tool or network in ("host", "none", "bridge") or network.startswith("container:")


def _quoted(name: str, value: str | None) -> str:
    """The option as words. Empty values, values of flags and those with a dash need the form with an equals sign."""
    if value is None:
        return f"--{name}"
    together = value in ("", "true", "false") or value.startswith("-")
    return shell_quote.word(f"--{name}={value}") if together else f"--{name} {shell_quote.word(value)}"


def _command(options: RunOptions, tool: EngineKind) -> tuple[list[str], tuple[str, ...]]:
    entry = options.entrypoint
    if entry is None:
        return [], options.command
    if not entry:
        return ["--entrypoint="], options.command
    if tool is _PODMAN and (len(entry) > 1 or entry[0].startswith("[")):
        return [f"--entrypoint {shell_quote.word(json.dumps(list(entry)))}"], options.command
    return [_quoted("entrypoint", entry[0])], (*entry[1:], *options.command)


def _process(
    options: RunOptions, tool: EngineKind, secrets: bool, said: Options, unsaid: list[Message]
) -> list[str]:  # fmt: skip
    for name, value in (("hostname", options.hostname), ("user", options.asked.user), ("workdir", options.workdir)):
        if value:
            said.append((name, value))
    if options.domainname and tool is _DOCKER:
        said.append(("domainname", options.domainname))
    elif options.domainname:
        unsaid.append(one("domainname", options.domainname))
    said.extend(("group-add", group) for group in options.asked.groups)
    for name, flag in (("tty", options.tty), ("interactive", options.stdin), ("init", options.init)):
        if flag:
            said.append((name, None))
    hidden = []
    for name, content in variables(options, secrets):
        if content is not None:
            said.append(("env", f"{name}={content}"))
        elif tool is _PODMAN and name.endswith("*"):
            unsaid.append(one("env", name))  # a trailing `*` would pass all of the shell's variables with that prefix
        else:
            hidden.append(name)
            said.append(("env", name))  # without a value: taken from the shell's environment
    said.extend(("label", f"{name}={value}") for name, value in options.labels)
    said.extend(("annotation", f"{name}={value}") for name, value in options.annotations)
    if options.auto_remove:
        said.append(("rm", None))
    if restart := restart_text(options):
        said.append(("restart", restart))
    if options.stop_signal:
        said.append(("stop-signal", options.stop_signal))
    if options.stop_timeout is not None:
        said.append(("stop-timeout", str(options.stop_timeout)))
    _health(options, tool, said, unsaid)
    driver, log_options = log(options, tool, unsaid)
    if driver:
        said.append(("log-driver", driver))
    said.extend(("log-opt", f"{name}={value}") for name, value in log_options)
    return hidden


def _health(options: RunOptions, tool: EngineKind, said: Options, unsaid: list[Message]) -> None:
    health = options.health
    if health is None:
        return
    if health.test == ("NONE",):
        said.append(("no-healthcheck", None))
        return
    shell = health.test[:1] == ("CMD-SHELL",)
    if health.test and (shell or tool is _PODMAN) and (text := health_command(health.test)):
        said.append(("health-cmd", text))
    elif health.test:
        said.append(("health-cmd", shlex.join(health.test[1:])))
        unsaid.append(msg("A health check without a shell: here the image's shell runs it."))
    for name, value in health_times(health):
        if name == "start-interval" and tool is _PODMAN:
            unsaid.append(one("health-start-interval", value))
        else:
            said.append((f"health-{name}", value))
    if health.retries:
        said.append(("health-retries", str(health.retries)))


def log(options: RunOptions, tool: EngineKind, unsaid: list[Message]) -> tuple[str, Pairs]:
    """The log driver by that engine's name, with its options; empty if it has none."""
    own = options.asked.log_driver
    if options.kind is tool or not own:
        return own, options.log_options if own else ()
    driver = _LOG_DRIVERS.get(own, "")
    if not driver:
        unsaid.append(one("log-driver", own))
        return "", ()
    for name, value in options.log_options:
        if name not in _LOG_OPTIONS:
            unsaid.append(one("log-opt", f"{name}={value}"))
    return driver, tuple(each for each in options.log_options if each[0] in _LOG_OPTIONS)


def _storage(options: RunOptions, tool: EngineKind, said: Options, unsaid: list[Message]) -> None:
    if options.asked.read_only_root:
        said.append(("read-only", None))
        if tool is _PODMAN:
            said.append(("read-only-tmpfs", str(options.read_only_tmpfs).lower()))
        elif options.read_only_tmpfs:
            said.extend(("tmpfs", f"{place}:rw,mode=1777") for place in WRITABLE)
    for mount in options.mounts:
        said.append(written(mount, options, tool, unsaid))
    said.extend(("device", device_text(device)) for device in options.devices)
    if options.asked.shm_size:
        said.append(("shm-size", str(options.asked.shm_size)))


def _network(options: RunOptions, tool: EngineKind, said: Options, unsaid: list[Message]) -> None:
    if options.network and network_known(options.network, options.kind, tool):
        said.append(("network", options.network))
    elif options.network not in ("", "private"):
        unsaid.append(one("network", options.network))
    for network in options.networks:
        fields = [f"alias={alias}" for alias in network.aliases]
        fields += [f"{'ip6' if ':' in address else 'ip'}={address}" for address in network.addresses]
        if network.mac:
            fields.append(f"{'mac-address' if tool is _DOCKER else 'mac'}={network.mac}")
        if options.kind is tool:
            fields += [f"{name}={value}" if tool is _PODMAN else f"driver-opt={name}={value}"
                       for name, value in network.options]  # fmt: skip
        else:
            unsaid.extend(one("network", f"{network.network},{name}={value}") for name, value in network.options)
        name = network.network
        if options.kind is not tool and name in ("bridge", "podman"):
            name = "bridge" if tool is _DOCKER else "podman"
        if tool is _PODMAN:
            said.append(("network", f"{name}:{','.join(fields)}" if fields else name))
        else:
            said.append(("network", comma_separated([f"name={name}", *fields]) if fields else name))
    for option, values in (
        ("dns", options.dns),
        ("dns-search", options.dns_search),
        ("dns-option", options.dns_options),
        ("add-host", options.hosts),
    ):
        said.extend((option, value) for value in values)
    said.extend(("publish", port_text(port)) for port in options.ports)


def _rights(options: RunOptions, tool: EngineKind, said: Options, unsaid: list[Message]) -> None:
    modes = [(option.name, getattr(options.asked, option.field)) for option in MODES]
    for name, mode in (*modes, ("userns", options.userns)):
        own = _DOCKER in (tool, options.kind) and name in ("pid", "uts", "userns") and mode == "private"
        if not mode or own or (name == "userns" and options.uid_map):
            continue
        if tool is _DOCKER and ((name == "userns" and mode != "host") or mode.startswith("ns:")):
            unsaid.append(one(name, mode))
        else:
            said.append((name, mode))
    for name, maps in (("uidmap", options.uid_map), ("gidmap", options.gid_map)):
        if tool is _PODMAN:
            said.extend((name, each) for each in maps)
        else:
            unsaid.extend(one(name, each) for each in maps)
    if options.asked.privileged:
        said.append(("privileged", None))
    add, drop = capabilities(options, tool)
    said.extend(("cap-drop", name) for name in drop)
    said.extend(("cap-add", name) for name in add)
    said.extend(("security-opt", word) for word in security_words(options, tool, unsaid, profile_path(options)))


def security_words(options: RunOptions, tool: EngineKind, unsaid: list[Message], profile: str) -> list[str]:
    """The values of `--security-opt`; `profile`: path of the seccomp profile, if it is given as JSON."""
    words = []
    if options.asked.no_new_privileges:
        words.append("no-new-privileges")
    elif options.before.no_new_privileges:
        words.append("no-new-privileges=false" if tool is _DOCKER else "no-new-privileges:false")
    if has_profile(options):
        words.append(f"seccomp={profile}")
    elif options.seccomp and (options.seccomp != "builtin" or tool is _DOCKER):
        words.append(f"seccomp={options.seccomp}")
    if options.apparmor and (options.kind is tool or not is_default_apparmor(options.apparmor)):
        words.append(f"apparmor={options.apparmor}")
    words.extend(f"label={label}" for label in options.asked.selinux_options)
    if options.asked.privileged:
        return words
    if tool is _PODMAN:
        if options.mask:
            words.append("mask=" + ":".join(options.mask))
        if options.unmask:
            words.append("unmask=" + ":".join(options.unmask))
    elif options.unmask == ("ALL",):
        words.append("systempaths=unconfined")
    elif options.mask or options.unmask:
        unsaid.append(msg("Individual paths below /proc and /sys that are hidden or shown."))
    return words


def _resources(options: RunOptions, tool: EngineKind, said: Options) -> None:
    for option in LIMITS:
        if value := getattr(options.asked, option.field):
            said.append((option.name, option.form.text(value)))
        elif option.name == "pids-limit" and tool is _PODMAN:
            said.append((option.name, "-1"))  # the engine has a default limit
        if option.name == "memory-swap" and options.memory_reservation:
            said.append(("memory-reservation", str(options.memory_reservation)))
    said.extend(("ulimit", LIMIT.text(limit)) for limit in options.asked.limits)
    said.extend(("sysctl", f"{name}={value}") for name, value in options.sysctls)


# -- mounts

# docker-run(1): options in the third part of -v; Podman accepts all options of mount(8)
_DOCKER_WORDS = frozenset(("z", "Z", "shared", "rshared", "slave", "rslave", "private", "rprivate", "nocopy"))
_PROPAGATIONS = _DOCKER_WORDS - {"z", "Z", "nocopy"}  # for bind mounts only
_DOCKER_ONLY_WORDS = frozenset(("consistent", "cached", "delegated"))
_DOCKER_TMPFS = re.compile(
    r"(size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=.*|(no)?(exec|suid|dev|atime|diratime)|rw|"
    r"r?bind|r?(shared|slave|private)|(rel|strict)atime|sync|async|dirsync"
).fullmatch
_USUAL_WORDS = frozenset(("rbind", "bind", "rprivate", "nosuid", "nodev"))  # Podman reports them for every volume


def known_words(mount: RunMount, options: RunOptions, tool: EngineKind, unsaid: list[Message]) -> tuple[str, ...]:
    """The mount options that the tool supports; others are added to `unsaid`."""
    if options.kind is tool:
        return mount.words
    kept = tuple(word for word in mount.words if _knows(tool, mount, word))
    gone = [word for word in mount.words if word not in kept]
    if gone and mount.kind != "tmpfs" and set(gone) - _USUAL_WORDS:
        unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=",".join(gone)))
    return kept


def written(mount: RunMount, options: RunOptions, tool: EngineKind, unsaid: list[Message]) -> tuple[str, str]:
    """The option's name and value; what the tool can't express is added to `unsaid`."""
    words = list(known_words(mount, options, tool, unsaid))
    access = "ro" if mount.read_only else "rw"
    if mount.kind == "tmpfs" and not mount.long:
        words = ["ro", *words] if mount.read_only else words
        return ("tmpfs", ":".join((mount.target, ",".join(words))) if words else mount.target)
    plain = mount.kind in ("bind", "volume", "overlay") and not mount.long and ":" not in mount.source + mount.target
    if plain:
        parts = [mount.source, mount.target] if mount.source else [mount.target]
        if mount.kind == "overlay":
            return ("volume", ":".join((*parts, ",".join(words) or "O")))
        return ("volume", ":".join((*parts, ",".join((access, *words)))) if mount.source else mount.target)
    fields = [f"type={mount.kind}"]
    if mount.source:
        fields.append(f"src={mount.source}")
    fields.append(f"dst={mount.target}")
    if mount.kind == "image":
        fields.append(f"rw={str(not mount.read_only).lower()}")
    elif mount.read_only:
        fields.append("readonly")
    for name, value in (*((word, "") for word in words), *mount.long):
        if name == "type":
            continue
        named = name if options.kind is tool else _long_name(name, tool)
        if named:
            fields.append(f"{named}={value}" if value else named)
        else:
            unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=name))
    return ("mount", comma_separated(fields))


def _knows(tool: EngineKind, mount: RunMount, word: str) -> bool:
    if tool is _PODMAN:
        return word not in _DOCKER_ONLY_WORDS
    if mount.kind == "tmpfs":
        return bool(_DOCKER_TMPFS(word))
    return word in _DOCKER_WORDS and not (mount.kind == "volume" and word in _PROPAGATIONS)


def _long_name(name: str, tool: EngineKind) -> str:
    """The tool's name of an option of `--mount`: Podman's and Docker's differ for volumes only."""
    if tool is _PODMAN:
        names = {"volume-nocopy": "nocopy", "volume-subpath": "subpath", "consistency": "consistency"}
        return names.get(name, name if name.startswith(("bind-propagation", "tmpfs-")) else "")
    names = {"nocopy": "volume-nocopy", "subpath": "volume-subpath"}
    return names.get(name, "bind-propagation" if name in _DOCKER_WORDS and name not in ("z", "Z") else "")


def comma_separated(fields: list[str]) -> str:
    """Join as both tools parse `--mount`: one line of comma-separated values (Go, encoding/csv)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
