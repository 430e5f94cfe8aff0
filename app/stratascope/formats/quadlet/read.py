"""Parse Quadlet units (`.container` with its drop-ins and pod, `.pod`, `.kube`) into options of `podman run`.

By podman-systemd.unit(5) of Podman 5.4.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from stratascope.core.container import EngineKind
from stratascope.core.message import msg
from stratascope.core.options.given import GivenOption, Position, Problem, Service
from stratascope.core.options.mounts import bound_folder
from stratascope.core.options.table import OPTIONS
from stratascope.core.options.values import CAPABILITY, FLAG, PAIR
from stratascope.formats.kubernetes import read as kubernetes
from stratascope.formats.quadlet.unit import Assignment, UnitError, entries, in_effect, words
from stratascope.formats.run.read import read_options
from stratascope.formats.text import Counted, Read, ReferencedFiles, few_enough, unread
from stratascope.formats.yaml.read import YamlError, documents
from stratascope.value import replace

_OPTIONS = {option.quadlet: option for option in OPTIONS if option.quadlet}
_LABELS = {"SecurityLabelType": "type", "SecurityLabelLevel": "level", "SecurityLabelFileType": "filetype"}
_WITHOUT_WORDS = """
AddHost Annotation AutoUpdate ContainersConfModule DNS DNSOption DNSSearch Entrypoint Environment EnvironmentFile
EnvironmentHost Exec ExposeHostPort GlobalArgs HealthCmd HealthInterval HealthLogDestination HealthMaxLogCount
HealthMaxLogSize HealthOnFailure HealthRetries HealthStartPeriod HealthStartupCmd HealthStartupInterval
HealthStartupRetries HealthStartupSuccess HealthStartupTimeout HealthTimeout HostName HttpProxy IP IP6 Label
NetworkAlias Notify Pull Retry RetryDelay RunInit Secret ServiceName StartWithPod StopSignal StopTimeout Timezone
WorkingDir PodName ExitPolicy StopWhenUnneeded ReloadCmd ReloadSignal RemapUid RemapGid
RemapUidSize
"""
_WITHOUT_EFFECT = frozenset(_WITHOUT_WORDS.split())
_VOLUME = ".volume"
# Options of `podman kube play` and its unit that mean the same for each container
_OF_KUBE = frozenset(("network", "userns", "publish", "log-driver", "log-opt"))
_FLAGS = ("true", "yes", "on", "1")
_KUBE_TOO = frozenset(("Network", "PublishPort", "UserNS", "PodmanArgs", "LogDriver"))
_POD_TOO = frozenset(
    ("Network", "Volume", "PublishPort", "UserNS", "UIDMap", "GIDMap", "SubUIDMap", "SubGIDMap", "PodmanArgs")
)


def read(text: str, file: str, files: ReferencedFiles) -> Read:
    """The container of a unit, or all of a `.kube` unit's manifest. Raises TooMuchError."""
    try:
        found = entries(text, file)
    except UnitError as error:
        what = msg("This is not a line of a unit: it is neither [SECTION] nor KEY=VALUE.")
        return Read(problems=(Problem(Position(file, error.line), what, True),))
    problems: list[Problem] = []
    found = in_effect([*found, *_drop_ins(file, files, problems)])
    if file.endswith(".kube"):
        return _kube(found, file, files, problems)
    section = "Pod" if file.endswith(".pod") else "Container"
    own = [entry for entry in found if entry.section == section]
    if section == "Pod" or not own:
        what = (
            msg("A pod alone starts no container: check the units that belong to it.")
            if section == "Pod"
            else msg("There is no section [Container] here.")
        )
        return Read(problems=(*problems, Problem(Position(file, 0), what, True)))
    unit = _Unit(file, files)
    service = unit.service(own)
    return Read((service,), (*problems, *unit.problems))


def _drop_ins(file: str, files: ReferencedFiles, problems: list[Problem]) -> list[Assignment]:
    """Read drop-ins: NAME.container.d/*.conf, those for the ending alone (container.d), for each prefix of the name
    that ends in a dash (a-.container.d for a-b.container), and for an instance's template; in the order of precedence.
    """
    folder, name = posixpath.split(file)
    found: list[Assignment] = []
    stem, dot, ending = name.rpartition(".")
    parts = stem.split("-")
    begun = [f"{'-'.join(parts[:count])}-" for count in range(1, len(parts)) if parts[count - 1]]
    template = [f"{stem.partition('@')[0]}@"] if "@" in stem and not stem.endswith("@") else []
    by_name: dict[str, str] = {}
    for each in (ending, *(f"{one}{dot}{ending}" for one in (*begun, *template, stem))):
        where = posixpath.join(folder, f"{each}.d")
        by_name |= {conf: where for conf in files.names(where) if conf.endswith(".conf")}
    for conf, where in sorted(by_name.items()):
        path = posixpath.join(where, conf)
        text = files.read(path, Position(path, 0))
        if text is None:
            problems.append(unread(path, Position(path, 0)))
            continue
        try:
            found += entries(text, path)
        except UnitError as error:
            problems.append(Problem(Position(path, error.line), msg("This is not a line of a unit.")))
    return found


def _kube(found: list[Assignment], file: str, files: ReferencedFiles, problems: list[Problem]) -> Read:
    entry = next((entry for entry in found if (entry.section, entry.key) == ("Kube", "Yaml")), None)
    place = Position(file, 0) if entry is None else entry.place
    path = "" if entry is None else posixpath.join(posixpath.dirname(file), entry.value)
    text = files.read(path, place) if path else None
    if text is None:
        return Read(problems=(*problems, replace(unread(path or "Yaml=", place), fatal=True)))
    try:
        made = kubernetes.read(documents(text, path), path)
    except YamlError as error:
        return Read(problems=(*problems, Problem(Position(path, error.line), error.message, True)))
    unit = _Unit(file, files)
    said = unit.asked([entry for entry in found if entry.section == "Kube" and entry.key in _KUBE_TOO])
    said = [each for each in said if each.name in _OF_KUBE]
    services = tuple(replace(each, said=(*each.said, *said)) for each in made.services)
    counted = Counted()
    for each in services:
        counted.take(each.said, each.place)
    return Read(services, (*problems, *made.problems))


class _Unit:
    def __init__(self, file: str, files: ReferencedFiles) -> None:
        self._file, self._files = file, files
        self._known: dict[str, list[Assignment]] = {}  # assignments in effect of other units
        self.problems: list[Problem] = []
        self._said: list[GivenOption] = []
        self._pod = ""

    def asked(self, own: list[Assignment]) -> list[GivenOption]:
        """The options that these assignments request."""
        for entry in own:
            self._take(entry)
            few_enough(self._said, entry.place)
        return self._said

    def service(self, own: list[Assignment]) -> Service:
        names = {entry.key: entry for entry in own}
        if "Image" not in names and "Rootfs" not in names:
            self.problems.append(Problem(Position(self._file, 0), msg("The unit names no image.")))
        self.asked(own)
        user, group = names.get("User"), names.get("Group")
        if user is not None:
            value = f"{user.value}:{group.value}" if group is not None else user.value
            self._said.append(GivenOption("user", value, user.place))
        name = (
            names["ContainerName"].value
            if "ContainerName" in names
            else posixpath.splitext(posixpath.basename(self._file))[0]
        )
        image = names["Image"].value if "Image" in names else ""
        Counted().take(self._said, own[0].place)
        words = tuple(entry.value for entry in own if entry.key in ("Exec", "Entrypoint", "Environment"))
        return Service(name, own[0].place, image, tuple(self._said), EngineKind.PODMAN, words, pod=self._pod)

    def _take(self, entry: Assignment) -> None:
        key, value, place = entry.key, entry.value, entry.place
        option = _OPTIONS.get(key)
        if (way := getattr(self, f"_of_{key.lower()}", None)) is not None:
            way(entry)
        elif option is not None and option.form is FLAG:
            self._said.append(GivenOption(option.name, "true" if value.lower() in _FLAGS else "false", place))
        elif option is not None and option.form in (CAPABILITY, PAIR):  # several values on one line
            self._said += [GivenOption(option.name, word, place) for word in words(value)]
        elif option is not None and key != "User":
            self._said.append(GivenOption(option.name, self._plain(value), place))
        elif key in _LABELS:
            self._said.append(GivenOption("security-opt", f"label={_LABELS[key]}:{value}", place))
        elif key not in _WITHOUT_EFFECT and key not in ("Image", "User", "Group"):
            self.problems.append(Problem(place, msg("Quadlet has no key {name} in [Container].", name=key)))

    def _plain(self, value: str) -> str:
        found = words(value)
        return found[0] if len(found) == 1 else value

    def _of_adddevice(self, entry: Assignment) -> None:
        self._said.append(GivenOption("device", entry.value.removeprefix("-"), entry.place))

    def _of_network(self, entry: Assignment) -> None:
        name = entry.value
        if name.partition(":")[0].endswith(".network"):
            name = f"systemd-{name.partition(':')[0].removesuffix('.network')}"
        elif name.endswith(".container"):
            name = f"container:{name.removesuffix('.container')}"
        self._said.append(GivenOption("network", name, entry.place))

    def _of_volume(self, entry: Assignment) -> None:
        source, colon, rest = self._plain(entry.value).partition(":")
        target, _, options = rest.partition(":")
        given = options.split(",") if options else []
        device, more, only = self._bound(source, entry) if colon else ("", (), False)
        if device:
            options = ",".join((*given, *more, *(("ro",) if only else ())))
            source, rest = device, f"{target}:{options}" if options else target
        elif colon and source.endswith(_VOLUME):
            source = f"systemd-{source.removesuffix(_VOLUME)}"
        self._said.append(GivenOption("volume", f"{source}{colon}{rest}", entry.place))

    def _of_mount(self, entry: Assignment) -> None:
        value = self._plain(entry.value)
        names = ("source=", "src=")
        source = next((part.partition("=")[2] for part in value.split(",") if part.startswith(names)), "")
        device, _, only = self._bound(source, entry)
        if device:
            kept = [part for part in value.split(",") if not part.startswith((*names, "type="))]
            more = ["ro"] if only else []
            value = ",".join(("type=bind", f"source={device}", "bind-nonrecursive", *kept, *more))
        self._said.append(GivenOption("mount", value, entry.place))

    def _bound(self, name: str, entry: Assignment) -> tuple[str, tuple[str, ...], bool]:
        """See `bound_folder`, for the volume of a `.volume` unit next to this one."""
        if not name.endswith(_VOLUME):
            return "", (), False
        path = posixpath.join(posixpath.dirname(self._file), name)
        text = self._files.read(path, entry.place)
        if text is None:
            self.problems.append(unread(name, entry.place))
            return "", (), False
        own = {each.key: each.value for each in self._neighbour_unit(path, text) if each.section == "Volume"}
        return bound_folder({"device": own.get("Device", ""), "o": own.get("Options", "")})

    def _of_nonewprivileges(self, entry: Assignment) -> None:
        if entry.value.lower() in _FLAGS:
            self._said.append(GivenOption("security-opt", "no-new-privileges", entry.place))

    def _of_seccompprofile(self, entry: Assignment) -> None:
        self._said.append(GivenOption("security-opt", f"seccomp={entry.value}", entry.place))

    def _of_apparmor(self, entry: Assignment) -> None:
        self._said.append(GivenOption("security-opt", f"apparmor={entry.value}", entry.place))

    def _of_remapusers(self, entry: Assignment) -> None:
        """Apply RemapUsers=, the deprecated form of UserNS=; explicit maps are not supported."""
        if entry.value in ("auto", "keep-id"):
            self._said.append(GivenOption("userns", entry.value, entry.place))
        else:
            self.problems.append(
                Problem(entry.place, msg("Only maps of the form INSIDE:OUTSIDE:LENGTH are supported."))
            )

    def _of_securitylabeldisable(self, entry: Assignment) -> None:
        if entry.value.lower() in _FLAGS:
            self._said.append(GivenOption("security-opt", "label=disable", entry.place))

    def _of_securitylabelnested(self, entry: Assignment) -> None:
        if entry.value.lower() in _FLAGS:
            self._said.append(GivenOption("security-opt", "label=nested", entry.place))

    def _of_mask(self, entry: Assignment) -> None:
        self._said.append(GivenOption("security-opt", f"mask={entry.value}", entry.place))

    def _of_unmask(self, entry: Assignment) -> None:
        self._said.append(GivenOption("security-opt", f"unmask={entry.value}", entry.place))

    def _of_volatiletmp(self, entry: Assignment) -> None:
        if entry.value.lower() in _FLAGS:
            self._said.append(GivenOption("tmpfs", "/tmp:rw,size=512M,mode=1777", entry.place))

    def _of_rootfs(self, entry: Assignment) -> None:
        self._said.append(GivenOption("rootfs", None, entry.place))

    def _of_pod(self, entry: Assignment) -> None:
        """Apply Pod=: the pod's options apply to all its containers."""
        self._pod = entry.value
        path = posixpath.join(posixpath.dirname(self._file), entry.value)
        text = self._files.read(path, entry.place)
        if text is None:
            self._said.append(GivenOption("pod", entry.value, entry.place))  # a pod of which nothing is known
            return
        for each in self._neighbour_unit(path, text):
            if each.section == "Pod" and each.key in _POD_TOO:
                self._take(each)
                few_enough(self._said, entry.place)

    def _neighbour_unit(self, path: str, text: str) -> list[Assignment]:
        """The assignments in effect of another unit in the folder, with its drop-ins; empty if it is not a unit."""
        if path not in self._known:
            self._known[path] = []
            try:
                found = in_effect([*entries(text, path), *_drop_ins(path, self._files, self.problems)])
                self._known[path] = found
            except UnitError as error:
                self.problems.append(Problem(Position(path, error.line), msg("This is not a line of a unit.")))
        return self._known[path]

    def _of_podmanargs(self, entry: Assignment) -> None:
        """Apply PodmanArgs=: options of `podman run` or `podman pod create` as typed."""
        found = words(entry.value)
        if entry.section == "Pod":
            found = list(self._shared(found, entry.place))
        said, problems = read_options(found, EngineKind.PODMAN, entry.place)
        self._said += said
        self.problems += problems

    def _shared(self, found: list[str], place: Position) -> Iterator[str]:
        """Take --share out of a pod's options: a shared PID namespace becomes an option; others do not matter."""
        following = iter(found)
        for word in following:
            if word.partition("=")[0] != "--share":
                yield word
                continue
            kinds = word.partition("=")[2] if "=" in word else next(following, "")
            if "pid" in kinds.replace("+", "").split(","):
                self._said.append(GivenOption("pid", "pod", place))
