"""What each option of `run` asks for, taken down one after the other; `meaning.py` says what all of them come to."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from stratascope.check.mounts import NOTHING_THERE, MountError, There, of_mount, of_tmpfs, of_volume, shown
from stratascope.check.numbers import true, whole
from stratascope.check.reading import Problem, Said
from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedLimit,
    AskedMount,
    AskedPort,
    Engine,
    EngineKind,
    LogKeeping,
    ProfileKind,
)
from stratascope.core.message import Message, msg
from stratascope.linux.capability import NAMES
from stratascope.value import replace

ALL = "ALL"
_OF_POD = "container:pod"  # of whom nothing is known
_LOGS = {"journald": LogKeeping.JOURNAL, "local": LogKeeping.LIMITED, "none": LogKeeping.LIMITED}
_FILES = frozenset(("json-file", "k8s-file"))


class Options:
    """One container's, beginning with what a plain one has."""

    def __init__(
        self, engine: Engine, plain: Asked, runtime: str, folder: str = "", there: There = NOTHING_THERE
    ) -> None:
        self.engine, self._folder, self._there = engine, folder, there
        self.docker = engine.kind is EngineKind.DOCKER
        self.problems: list[Problem] = []
        self.asked = plain
        self.user: str | None = None  # None: nobody said
        self.added: list[str] = []
        self.dropped: list[str] = []
        self.mounts: dict[str, AskedMount] = {}
        self.devices: list[AskedDevice] = []
        self.rules: list[str] = []
        self.ports: list[AskedPort] = []
        self.limits: dict[str, AskedLimit] = {}
        self.sysctls: dict[str, str] = {}
        self.groups: list[str] = []
        self.labels: list[str] = []
        self.quota: dict[str, int] = {}
        self.read_only_tmpfs = True
        self.kube_play = False
        self.publish_all = False
        self.image_volumes = ""  # "": as usual; ignore, tmpfs
        self.runtime = runtime
        self.networks: list[str] = []

    def _problem(self, said: Said, text: Message) -> None:
        self.problems.append(Problem(said.place, text))

    def _wrong(self, said: Said) -> None:
        what = msg(
            "The engine does not accept this value for {option}: {value}.", option=said.name, value=said.value or ""
        )
        self._problem(said, what)

    def take_flag(self, field: str) -> Callable[[Said], None]:
        def way(said: Said) -> None:
            self.asked = _with(self.asked, field, true(said.value) is True)

        return way

    def take_mode(self, field: str) -> Callable[[Said], None]:
        def way(said: Said) -> None:
            value = said.value or ""
            if value:
                self.asked = _with(self.asked, field, value)

        return way

    def take_number(self, field: str, read: Callable[[str], float | None]) -> Callable[[Said], None]:
        def way(said: Said) -> None:
            found = read(said.value or "")
            if found is None:
                self._wrong(said)
                return
            self.asked = _with(self.asked, field, found if found > 0 else None)

        return way

    def take_quota(self, name: str) -> Callable[[Said], None]:
        def way(said: Said) -> None:
            found = whole(said.value or "")
            if found is None:
                self._wrong(said)
            else:
                self.quota[name] = found

        return way

    def take_user(self, said: Said) -> None:
        self.user = said.value or ""

    def take_group(self, said: Said) -> None:
        self.groups.append(said.value or "")

    def take_capability(self, into: list[str]) -> Callable[[Said], None]:
        def way(said: Said) -> None:
            words = [said.value or ""] if self.docker else (said.value or "").split(",")
            for word in words:
                name = word.strip().upper()
                name = name if name in ("ALL",) or name.startswith("CAP_") else f"CAP_{name}"
                name = ALL if name == "CAPALL" else name
                if name != ALL and name not in NAMES:
                    self._wrong(said)
                else:
                    into.append(name)

        return way

    def take_volume(self, said: Said) -> None:
        self._mount(said, lambda: of_volume(said.value or "", self._beside(said), self.engine))

    def take_mount(self, said: Said) -> None:
        self._mount(said, lambda: of_mount(said.value or "", self._beside(said), self.engine))

    def take_tmpfs(self, said: Said) -> None:
        self._mount(said, lambda: of_tmpfs(said.value or ""))

    def _beside(self, said: Said) -> str:
        return posixpath.join(self._folder, posixpath.dirname(said.place.file))

    def _mount(self, said: Said, make: Callable[[], AskedMount | None]) -> None:
        try:
            found = make()
        except MountError as error:
            self._problem(said, error.message)
            return
        if found is not None:
            self.mounts[found.target] = shown(found, self._there)

    def take_device(self, said: Said) -> None:
        source, *rest = (said.value or "").split(":")
        target = rest.pop(0) if rest and rest[0].startswith("/") else source
        if not source.startswith("/"):
            what = msg("What the device {value} brings can't be predicted, and is left out.", value=source)
            self._problem(said, what)
            return
        self.devices.append(AskedDevice(source, target, rest[0] if rest and rest[0] else "rwm"))

    def take_rule(self, said: Said) -> None:
        self.rules.append(said.value or "")

    def take_limit(self, said: Said) -> None:
        name, _, numbers = (said.value or "").partition("=")
        soft, _, hard = numbers.partition(":")
        if name == "host":
            return
        least, most = whole(soft), whole(hard or soft)
        if least is None or most is None:
            self._wrong(said)
        else:
            self.limits[name.lower()] = AskedLimit(name.lower(), least, most)

    def take_sysctl(self, said: Said) -> None:
        for word in [said.value or ""] if self.docker else (said.value or "").split(","):
            name, equals, value = word.partition("=")
            if equals:
                self.sysctls[name.replace("/", ".")] = value
            else:
                self._wrong(said)

    def take_pod(self, said: Said) -> None:
        """One that is there may be in any namespaces of the host's; a new one has its own."""
        if (said.value or "").startswith("new:"):
            return
        what = msg(
            "The pod {name} is not described here, so the namespaces it shares are not known.", name=said.value or ""
        )
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, network_mode=_OF_POD, ipc_mode=_OF_POD, uts_mode=_OF_POD, pid_mode=_OF_POD)

    def take_volumes_from(self, said: Said) -> None:
        what = msg("What {option} brings in is not known, so its mounts are not known.", option="--volumes-from")
        self.problems.append(Problem(said.place, what, unread=True))
        self.asked = replace(self.asked, foreign_mounts=True)

    def take_publish(self, said: Said) -> None:
        address, colon, port = (said.value or "").rpartition(":")
        name = port if "/" in port else f"{port}/tcp"
        if not colon:
            self.ports.append(AskedPort(name, "", ""))
            return
        host, _, number = address.rpartition(":")
        self.ports.append(AskedPort(name, host.strip("[]"), number))

    def take_publish_all(self, said: Said) -> None:
        self.publish_all = true(said.value) is True

    def take_image_volume(self, said: Said) -> None:
        self.image_volumes = said.value or ""

    def take_network(self, said: Said) -> None:
        value = (said.value or "").partition(",")[0]
        value = value.removeprefix("name=")
        name = value if value.startswith(("container:", "ns:")) else value.partition(":")[0]
        if name in ("host", "none") or name.startswith(("container:", "ns:")):
            self.asked = replace(self.asked, network_mode=name)
        elif name == "private":
            return
        else:
            self.networks.append(name)
            self.asked = replace(self.asked, network_mode=name if self.docker else "bridge")

    def take_log(self, said: Said) -> None:
        driver = said.value or ""
        keeping = LogKeeping.UNLIMITED if driver in _FILES else _LOGS.get(driver, LogKeeping.ELSEWHERE)
        self.asked = replace(self.asked, log_driver=driver, log=keeping)

    def take_log_option(self, said: Said) -> None:
        name, _, value = (said.value or "").partition("=")
        if name == "max-size" and not value.startswith("-") and self.asked.log is LogKeeping.UNLIMITED:
            self.asked = replace(self.asked, log=LogKeeping.LIMITED)

    def take_runtime(self, said: Said) -> None:
        self.runtime = said.value or ""

    def take_read_only_tmpfs(self, said: Said) -> None:
        self.read_only_tmpfs = true(said.value) is True

    def take_kube_play(self, said: Said) -> None:
        self.kube_play = True

    def take_cgroups(self, said: Said) -> None:
        if said.value not in ("enabled", "split"):
            self._problem(said, msg("Without control groups of its own, nothing can be predicted about its limits."))

    def take_systemd(self, said: Said) -> None:
        if said.value == "always":
            self._problem(said, msg("The effect of {option} can't be predicted, and is left out.", option="--systemd"))

    def take_id_map(self, said: Said) -> None:
        numbers = [whole(part) for part in (said.value or "").split(":")]
        if len(numbers) != 3 or None in numbers:
            self._problem(said, msg("Only maps of the form INSIDE:OUTSIDE:LENGTH are supported."))
            return
        inside, outside, length = (number or 0 for number in numbers)
        self.asked = replace(self.asked, uid_map=(*self.asked.uid_map, (inside, outside, length)))

    def take_gid_map(self, said: Said) -> None:
        numbers = [whole(part) for part in (said.value or "").split(":")]
        if len(numbers) == 3 and None not in numbers:
            inside, outside, length = (number or 0 for number in numbers)
            self.asked = replace(self.asked, gid_map=(*self.asked.gid_map, (inside, outside, length)))

    def take_security(self, said: Said) -> None:
        word = said.value or ""
        name = word.partition("=")[0].partition(":")[0]
        value = word[len(name) + 1 :]
        match name:
            case "no-new-privileges":
                wanted = value.lower() not in ("false", "0", "f")
                self.asked = replace(self.asked, no_new_privileges=wanted)
            case "seccomp":
                builtin = ("builtin", "") if self.docker else ("", self.engine.facts.seccomp_profile)
                self._profile("seccomp", value, builtin)
            case "apparmor":
                self._profile("apparmor", value, ("docker-default", "") if self.docker else ("", ""))
            case "label":
                self.labels.append(value)
            case "systempaths" if self.docker:
                if value == "unconfined":
                    self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
            case "unmask" if not self.docker:
                self._unmask(value)
            case "mask" if not self.docker:
                pass  # more is hidden than by default, which no threat counts on
            case "proc-opts" if not self.docker:
                pass
            case _:
                self._wrong(said)

    def _profile(self, field: str, value: str, default: tuple[str, ...]) -> None:
        if value == "unconfined":
            kind, name = ProfileKind.UNCONFINED, ""
        elif value in default:
            kind, name = ProfileKind.DEFAULT, ""
        else:
            kind, name = ProfileKind.CUSTOM, value
        self.asked = _with(_with(self.asked, field, kind), f"{field}_profile", name)

    def _unmask(self, value: str) -> None:
        if value.upper() == ALL:
            self.asked = replace(self.asked, masked_paths=(), read_only_paths=())
        else:
            self.asked = replace(self.asked, unmasked=(*self.asked.unmasked, *value.split(":")))


def _with(asked: Asked, field: str, value: Any) -> Asked:
    return replace(asked, **{field: value})
