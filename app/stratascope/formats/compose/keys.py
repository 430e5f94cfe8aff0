"""Convert the keys of a Compose service to options of `run`."""

from __future__ import annotations

import re

from stratascope.core.message import msg
from stratascope.core.options.given import GivenOption, Position, Problem
from stratascope.core.options.mounts import bound_folder
from stratascope.core.options.table import OPTIONS
from stratascope.core.options.values import FLAG
from stratascope.formats.text import FILLED_IN, TooMuchError
from stratascope.formats.yaml.read import List, Mapping, Node, Text

_WITHOUT_WORDS = """
annotations attach blkio_config build command configs container_name cpu_count cpu_percent cpu_rt_period
cpu_rt_runtime credential_spec depends_on develop dns dns_opt dns_search domainname entrypoint env_file
environment external_links extra_hosts healthcheck hostname image init isolation labels label_file links
mac_address mem_reservation oom_kill_disable platform post_start pre_stop profiles
provider pull_policy pull_refresh_after restart scale secrets stdin_open stop_grace_period stop_signal storage_opt tty
working_dir models
"""
_WITHOUT_EFFECT = frozenset(_WITHOUT_WORDS.split())
_OPTIONS = {option.compose: option for option in OPTIONS if option.compose}
_TRUE = frozenset(("true", "1", "t", "y", "yes", "on"))
_SOCKET = "/var/run/docker.sock"


class Variables:
    """Values of variables by name, for all services of a file; limits the total length of expanded text."""

    def __init__(self, known: dict[str, str]) -> None:
        self._known, self._made = known, 0

    def put_into(self, node: Text) -> tuple[str, tuple[str, ...]]:
        """See `expanded`. Raises TooMuchError."""
        if "$" not in node.text:
            return node.text, ()
        text, missing = expanded(node.text, self._known)
        self._made += len(text)
        if self._made > FILLED_IN:
            what = msg(
                "With variables filled in, values have more than {most} characters: shorten them.",
                most=FILLED_IN,
            )
            raise TooMuchError(node.place, what)
        return text, missing


class Keys:
    """Reads the keys of one service."""

    def __init__(self, variables: Variables, volumes: dict[str, Node], given: dict[str, Node], project: str) -> None:
        self._variables, self._volumes, self._given, self._project = variables, volumes, given, project
        self.problems: list[Problem] = []
        self.image = ""
        self.labels: tuple[tuple[str, str], ...] = ()
        self._said: list[GivenOption] = []

    def read(self, fields: dict[str, tuple[Text, Node]]) -> list[GivenOption]:
        """All options, in the order of the keys."""
        for name, (key, node) in fields.items():
            self._key(name, key, node)
        return self._said

    def _key(self, name: str, key: Text, node: Node) -> None:
        if isinstance(node, Text) and node.empty:
            return
        option = _OPTIONS.get(name)
        if option is not None and not option.touches:
            return
        if (way := getattr(self, f"_of_{name}", None)) is not None:
            way(node)
        elif option is not None and option.form is FLAG:
            self._add(option.name, "true" if self._flag(node) else "false", node.place)
        elif option is not None:
            for item in node.items if option.many and isinstance(node, List) else (node,):
                value = self._text(item)
                if value is not None:
                    if value.startswith("service:") and not option.many:
                        value = f"container:{value[8:]}"
                    self._add(option.name, value, item.place)
        elif name == "image":
            self.image = self._text(node) or ""
        elif not name.startswith("x-") and name not in _WITHOUT_EFFECT:
            self.problems.append(Problem(key.place, msg("Compose has no key {name} in a service.", name=name)))

    def _add(self, name: str, value: str | None, place: Position) -> None:
        self._said.append(GivenOption(name, value, place))

    def _text(self, node: Node | None) -> str | None:
        """A value with variables expanded; None, with a problem, if a variable has no value."""
        if not isinstance(node, Text):
            if node is not None:
                self.problems.append(Problem(node.place, msg("A single value is expected here.")))
            return None
        text, missing = self._variables.put_into(node)
        for name in missing:
            what = msg("{name} has no value here, so what depends on it is not known. Set it with --env.", name=name)
            self.problems.append(Problem(node.place, what, unread=True))
        if "{{" in text:
            self.problems.append(Problem(node.place, msg("{what} is left as it is.", what="{{ }}")))
        return None if missing else text

    def _flag(self, node: Node | None) -> bool:
        """A boolean as Compose reads it, including YAML's other spellings (compose-go: interpolation, toBoolean)."""
        return (self._text(node) or "").lower() in _TRUE

    # -- keys with several forms

    def _of_volumes(self, node: Node) -> None:
        for item in node.items if isinstance(node, List) else ():
            if isinstance(item, Mapping):
                self._long_volume(item)
                continue
            text = self._text(item)
            if text is None:
                continue
            source, colon, rest = text.partition(":")
            device, below, only = self._bound(source) if colon else ("", (), False)
            if device:
                target, _, words = rest.partition(":")
                read_only = ("readonly",) if only or "ro" in words.split(",") else ()
                self._add(
                    "mount", ",".join((f"type=bind,source={device},target={target}", *below, *read_only)), item.place
                )
            else:
                named = f"{self._named(source)}{colon}{rest}" if colon else text
                self._add("volume", named, item.place)

    def _long_volume(self, item: Mapping) -> None:
        kind, source, target = (self._field(item, name) for name in ("type", "source", "target"))
        if not target:
            self.problems.append(Problem(item.place, msg("This mount has no target.")))
            return
        read_only = self._flag(item.get("read_only"))
        if kind == "tmpfs":
            self._add("tmpfs", f"{target}:ro" if read_only else target, item.place)
            return
        if kind not in ("bind", "volume"):
            return
        device, below, only = self._bound(source) if kind == "volume" else ("", (), False)
        words = [
            f"type={'bind' if device else kind}",
            f"source={device or (self._named(source) if kind == 'volume' else source)}",
            f"target={target}",
            *below,
        ]
        bind = item.get("bind")
        if isinstance(bind, Mapping):
            propagation, recursive = self._field(bind, "propagation"), self._field(bind, "recursive")
            words += [f"bind-propagation={propagation}"] if propagation else []
            # `disabled` is not relied upon: Compose 2.26 takes it and binds recursively all the same
            words += [f"bind-recursive={recursive}"] if recursive and recursive != "disabled" else []
        self._add("mount", ",".join([*words, *(["readonly"] if read_only or only else [])]), item.place)

    def _named(self, name: str) -> str:
        """The engine's name for a volume; a path stays as it is."""
        if name not in self._volumes:
            return name
        node = self._volumes[name]
        given = self._field(node, "name") if isinstance(node, Mapping) else ""
        external = isinstance(node, Mapping) and self._flag(node.get("external"))
        return given or (name if external or not self._project else f"{self._project}_{name}")

    def _bound(self, name: str) -> tuple[str, tuple[str, ...], bool]:
        """See `bound_folder`, for the volume of that name, with options as in `--mount`."""
        node = self._volumes.get(name)
        options = node.get("driver_opts") if isinstance(node, Mapping) else None
        if not isinstance(options, Mapping):
            return "", (), False
        device, words, only = bound_folder({key: self._field(options, key) for key in ("o", "device")})
        return device, tuple("bind-nonrecursive" if word == "bind" else word for word in words), only

    def _field(self, node: Mapping, name: str) -> str:
        found = node.get(name)
        return "" if found is None or (isinstance(found, Text) and found.empty) else self._text(found) or ""

    def _of_devices(self, node: Node) -> None:
        for item in node.items if isinstance(node, List) else ():
            if isinstance(item, Mapping):
                source = self._field(item, "source")
                words = (source, self._field(item, "target") or source, self._field(item, "permissions") or "rwm")
                self._add("device", ":".join(words), item.place)
            elif (text := self._text(item)) is not None:
                self._add("device", text, item.place)

    def _of_ports(self, node: Node) -> None:
        for item in node.items if isinstance(node, List) else ():
            if isinstance(item, Mapping):
                number = f"{self._field(item, 'target')}/{self._field(item, 'protocol') or 'tcp'}"
                host, published = self._field(item, "host_ip"), self._field(item, "published")
                host = f"[{host}]" if ":" in host else host
                self._add("publish", f"{host}:{published}:{number}" if host else f"{published}:{number}", item.place)
            elif (text := self._text(item)) is not None:
                self._add("publish", text, item.place)

    def _of_networks(self, node: Node) -> None:
        names = (
            node.items
            if isinstance(node, List)
            else [key for key, _ in node.pairs()]
            if isinstance(node, Mapping)
            else []
        )
        for item in names:
            if (text := self._text(item)) is not None:
                self._add("network", text, item.place)

    def _of_sysctls(self, node: Node) -> None:
        for name, value, place in self._assignments(node):
            self._add("sysctl", f"{name}={value}", place)

    def _of_labels(self, node: Node) -> None:
        self.labels = tuple((name, value) for name, value, _ in self._assignments(node))

    def _assignments(self, node: Node) -> list[tuple[str, str, Position]]:
        found = []
        if isinstance(node, Mapping):
            for key, value in node.pairs():
                text = self._text(value)
                if text is not None:
                    found.append((key.text, text, key.place))
        for item in node.items if isinstance(node, List) else ():
            text = self._text(item)
            if text is not None:
                name, _, rest = text.partition("=")
                found.append((name, rest, item.place))
        return found

    def _of_ulimits(self, node: Node) -> None:
        for key, value in node.pairs() if isinstance(node, Mapping) else ():
            if isinstance(value, Mapping):
                soft, hard = self._field(value, "soft"), self._field(value, "hard")
                self._add("ulimit", f"{key.text}={soft or hard}:{hard or soft}", key.place)
            elif (text := self._text(value)) is not None:
                self._add("ulimit", f"{key.text}={text}", key.place)

    def _of_logging(self, node: Node) -> None:
        if not isinstance(node, Mapping):
            return
        if driver := self._field(node, "driver"):
            self._add("log-driver", driver, node.place)
        options = node.get("options")
        for name, value, place in self._assignments(options) if options is not None else ():
            self._add("log-opt", f"{name}={value}", place)

    def _of_deploy(self, node: Node) -> None:
        resources = node.get("resources") if isinstance(node, Mapping) else None
        limits = resources.get("limits") if isinstance(resources, Mapping) else None
        for key, option in (("cpus", "cpus"), ("memory", "memory"), ("pids", "pids-limit")):
            value = limits.get(key) if isinstance(limits, Mapping) else None
            text = None if value is None else self._text(value)
            if text is not None and value is not None:
                self._add(option, text, value.place)

    def _of_gpus(self, node: Node) -> None:
        self._add("gpus", "all", node.place)

    def _of_use_api_socket(self, node: Node) -> None:
        if self._flag(node):
            self._add("volume", f"{_SOCKET}:{_SOCKET}", node.place)

    def _of_secrets(self, node: Node) -> None:
        self._files_given(node, "/run/secrets/")

    def _of_configs(self, node: Node) -> None:
        self._files_given(node, "/")

    def _files_given(self, node: Node, folder: str) -> None:
        """Secrets and configs: host files that are bind-mounted read-only."""
        for item in node.items if isinstance(node, List) else ():
            name = self._field(item, "source") if isinstance(item, Mapping) else self._text(item) or ""
            target = self._field(item, "target") if isinstance(item, Mapping) else ""
            target = target if target.startswith("/") else f"{folder}{target or name}"
            given = self._given.get(name)
            file = self._field(given, "file") if isinstance(given, Mapping) else ""
            if file:
                file = file if file.startswith(("/", ".", "~")) else f"./{file}"
                self._add("volume", f"{file}:{target}:ro", item.place)


# -- `${NAME:-default}` and `.env` as in Compose; of the environment only variables that were passed in

_VARIABLE = re.compile(
    r"\$(?:(?P<twice>\$)|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-?+])(?P<rest>(?:[^{}]|\$\{[^{}]*\})*))?\})"
)


_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(.*)")
_MOST, _LONGEST = 2000, 4096  # lines of a `.env`, and characters of one value
_WHOLE = 1 << 16  # characters that one text may expand to: values may contain each other many times over


def dotenv(text: str) -> dict[str, str]:
    """Parse names and values of a `.env`; other lines are ignored. Values over several lines are not supported."""
    found: dict[str, str] = {}
    for line in text.split("\n")[:_MOST]:
        parts = _LINE.fullmatch(line.rstrip("\r"))
        if parts is None or line.lstrip().startswith("#"):
            continue
        value = parts[2].strip()
        if value[:1] in ("'", '"') and value.rfind(value[0]) > 0:
            mark, value = value[0], value[1 : value.rfind(value[0])]
            value = value if mark == "'" else expanded(value, found)[0]
        else:
            value = expanded(re.split(r"\s#", value, maxsplit=1)[0].rstrip(), found)[0]
        found[parts[1]] = value[:_LONGEST]
    return found


def expanded(text: str, known: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Expand the known variables and defaults; returns the text, and names of variables without a value, which stay."""
    missing: list[str] = []
    made = 0

    def put(found: re.Match[str]) -> str:
        nonlocal made
        value = one(found) if made < _WHOLE else found[0]
        made += len(value)
        return value

    def one(found: re.Match[str]) -> str:
        if found["twice"]:
            return "$"
        name = found["bare"] or found["name"]
        value, how = known.get(name), found["how"] or ""
        if how.endswith("+"):
            there = bool(value) if how.startswith(":") else value is not None
            return expanded(found["rest"], known)[0] if there else ""
        if value is not None and (value or not how.startswith(":")):
            return value
        if how.endswith("-"):
            inner, more = expanded(found["rest"], known)
            missing.extend(more)
            return inner
        missing.append(name)
        return found[0]

    return _VARIABLE.sub(put, text), tuple(dict.fromkeys(missing))
