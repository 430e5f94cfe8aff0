"""Parse Kubernetes manifests as `podman kube play` would run them on this machine: one service per container.

By the API's reference (Pod v1 core). The Pod Security level is derived from the fields, as the admission controller
does (Pod Security Standards).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import EngineKind
from stratascope.core.message import msg
from stratascope.core.options.given import GivenOption, Position, Problem, Service
from stratascope.core.options.mounts import bound_folder
from stratascope.core.options.table import KUBE_PLAY
from stratascope.formats.text import MOST_SERVICES, Counted, Read
from stratascope.formats.yaml.read import List, Mapping, Node, Text, at, flag_at, items_at, text_at, texts

_TEMPLATED = frozenset(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"))
_KINDS = _TEMPLATED | {"Pod", "CronJob", "PodTemplate"}
# Annotations of a pod that `kube play` honours (containers/podman: pkg/specgen/generate/kube, libpod/define)
_OF_PODMAN = "io.podman.annotations."
_SECCOMP_OF_ONE, _SECCOMP_OF_POD = (
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/pod",
)
_PROFILES = "/var/lib/kubelet/seccomp"  # the folder of `localhost/NAME` profiles
_DEFAULTS = frozenset(("runtime/default", "docker/default"))
_CLAIM = "PersistentVolumeClaim"
_VOLUME = "volume.podman.io/"  # annotations of a claim with the options of its volume
_DEVICE = "podman.io/device="
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def is_manifest(documents: Sequence[Node]) -> bool:
    """Whether some document has `kind` and `apiVersion`."""
    return any(isinstance(each, Mapping) and each.get("kind") and each.get("apiVersion") for each in documents)


def read(documents: Sequence[Node], file: str) -> Read:
    """All containers of all pods, in order. Raises TooMuchError."""
    services: list[Service] = []
    problems: list[Problem] = []
    counted = Counted()
    objects = _objects(documents)
    claims = {text_at(each, "metadata", "name"): each for each in objects if text_at(each, "kind") == _CLAIM}
    for each in objects:
        if len(services) >= MOST_SERVICES:
            break
        kind = text_at(each, "kind")
        template = _template(each, kind)
        spec = at(template, "spec")
        if not isinstance(spec, Mapping):
            if kind in _KINDS:
                problems.append(Problem(each.place, msg("This {kind} has no pod.", kind=kind)))
            continue
        name = text_at(each, "metadata", "name") or kind.lower()
        pod = _Pod(name, spec, _texts(at(template, "metadata", "annotations")), claims)
        services += pod.services(counted, MOST_SERVICES - len(services))
        problems += pod.problems
        problems.append(level(spec, spec.place))
    if not services:
        what = msg(
            "There is no pod here, nor anything that creates one (Deployment, StatefulSet, DaemonSet, Job, CronJob)."
        )
        problems.append(Problem(Position(file, 0), what, True))
    return Read(tuple(services), tuple(problems))


def _objects(documents: Sequence[Node]) -> list[Mapping]:
    found: list[Mapping] = []
    for each in documents:
        if not isinstance(each, Mapping):
            continue
        items = each.get("items")
        if text_at(each, "kind") == "List" and isinstance(items, List):
            found += [item for item in items.items if isinstance(item, Mapping)]
        else:
            found.append(each)
    return found


def _template(each: Mapping, kind: str) -> Node | None:
    """The node with the pod's metadata and spec."""
    if kind == "Pod":
        return each
    if kind in _TEMPLATED:
        return at(each, "spec", "template")
    if kind == "CronJob":
        return at(each, "spec", "jobTemplate", "spec", "template")
    return at(each, "template") if kind == "PodTemplate" else None


def _texts(node: Node | None) -> dict[str, Text]:
    pairs = node.pairs() if isinstance(node, Mapping) else ()
    return {key.text: value for key, value in pairs if isinstance(value, Text)}


class _Pod:
    def __init__(self, name: str, spec: Mapping, notes: dict[str, Text], claims: dict[str, Mapping]) -> None:
        self._name, self._spec, self._notes, self._claims = name, spec, notes, claims
        self.problems: list[Problem] = []
        self._volumes = {text_at(each, "name"): each for each in items_at(spec, "volumes")}

    def services(self, counted: Counted, most: int) -> list[Service]:
        found: list[Service] = []
        of_pod = self._of_pod()
        for group in CONTAINERS:
            for node in items_at(self._spec, group):
                if len(found) >= most:
                    return found
                if not isinstance(node, Mapping):
                    self.problems.append(Problem(node.place, msg("A container has to be a mapping.")))
                    continue
                name = text_at(node, "name") or "container"
                said = [*of_pod, *self._of_container(node)]
                counted.take(said, node.place)
                image = text_at(node, "image")
                if "{{" in image or "${" in image:
                    self.problems.append(Problem(node.place, msg("{what} is left as it is.", what="{{ }}")))
                place = node.place
                words = tuple(text for key in ("command", "args", "env") for text in texts(at(node, key)))
                service = Service(f"{self._name}-{name}", place, image, tuple(said), EngineKind.PODMAN, words)
                found.append(service)
        return found

    def _of_pod(self) -> list[GivenOption]:
        spec, said = self._spec, []
        for field, option in (("hostNetwork", "network"), ("hostPID", "pid"), ("hostIPC", "ipc")):
            if flag_at(spec, field) and (node := at(spec, field)) is not None:
                said.append(GivenOption(option, "host", node.place))
        if flag_at(spec, "shareProcessNamespace") and not flag_at(spec, "hostPID"):  # the API refuses the two together
            together = at(spec, "shareProcessNamespace")
            said += [] if together is None else [GivenOption("pid", "pod", together.place)]
        if flag_at(spec, "hostUsers") is False and (users := at(spec, "hostUsers")) is not None:
            said.append(GivenOption("userns", "auto", users.place))
        for each in items_at(spec, "securityContext", "sysctls"):
            said.append(GivenOption("sysctl", f"{text_at(each, 'name')}={text_at(each, 'value')}", each.place))
        for name in ("userns", "ulimit"):
            if (note := self._notes.get(f"{_OF_PODMAN}{name}")) is not None:
                values = note.text.split(",") if name == "ulimit" else [note.text]
                said += [GivenOption(name, value, note.place) for value in values]
        # Podman applies these, but ignores fsGroup
        groups = items_at(spec, "securityContext", "supplementalGroups")
        return [*said, *(GivenOption("group-add", each.text, each.place) for each in groups if isinstance(each, Text))]

    def _of_container(self, node: Mapping) -> list[GivenOption]:
        said = [GivenOption(KUBE_PLAY, self._name, node.place)]

        def context(name: str) -> Node | None:
            """The field of the container's security context, else of the pod's."""
            found = at(node, "securityContext", name)
            return at(self._spec, "securityContext", name) if found is None else found

        user, group = context("runAsUser"), context("runAsGroup")
        if isinstance(user, Text):
            said.append(
                GivenOption("user", f"{user.text}:{group.text}" if isinstance(group, Text) else user.text, user.place)
            )
        for field, option in (("privileged", "privileged"), ("readOnlyRootFilesystem", "read-only")):
            if flag_at(node, "securityContext", field) and (found := at(node, "securityContext", field)) is not None:
                said.append(GivenOption(option, "true", found.place))
        escalation = at(node, "securityContext", "allowPrivilegeEscalation")
        if escalation is not None and flag_at(escalation) is False:
            said.append(GivenOption("security-opt", "no-new-privileges", escalation.place))
        for field, option in (("drop", "cap-drop"), ("add", "cap-add")):
            for each in items_at(node, "securityContext", "capabilities", field):
                if isinstance(each, Text):
                    said.append(GivenOption(option, each.text, each.place))
        for field in ("seccompProfile", "appArmorProfile"):
            if text_at(given := context(field), "type") not in ("", "RuntimeDefault") and given is not None:
                what = msg("{field}: podman kube play ignores it.", field=field)
                self.problems.append(Problem(given.place, what))
        said += self._profiles(text_at(node, "name"), context("seLinuxOptions"))
        mask = at(node, "securityContext", "procMount")
        if isinstance(mask, Text) and mask.text == "Unmasked":
            said.append(GivenOption("security-opt", "unmask=ALL", mask.place))
        for field, option in (("memory", "memory"), ("cpu", "cpus")):
            limit = at(node, "resources", "limits", field)
            if isinstance(limit, Text):
                said.append(GivenOption(option, quantity(limit.text, cpu=field == "cpu"), limit.place))
        limits = at(node, "resources", "limits")
        for key, _ in limits.pairs() if isinstance(limits, Mapping) else ():
            if "=" in key.text:
                said.append(GivenOption("device", key.text.removeprefix(_DEVICE), key.place))
        for each in items_at(node, "ports"):
            if port := text_at(each, "hostPort"):
                address = text_at(each, "hostIP")
                inside = f"{text_at(each, 'containerPort')}/{(text_at(each, 'protocol') or 'tcp').lower()}"
                said.append(
                    GivenOption("publish", f"{address}:{port}:{inside}" if address else f"{port}:{inside}", each.place)
                )
        return [*said, *self._mounts(node)]

    def _profiles(self, container: str, selinux: Node | None) -> list[GivenOption]:
        said = []
        note = self._notes.get(f"{_SECCOMP_OF_ONE}{container}") or self._notes.get(_SECCOMP_OF_POD)
        if note is not None and note.text not in _DEFAULTS:
            value = note.text.replace("localhost/", f"{_PROFILES}/", 1)
            said.append(GivenOption("security-opt", f"seccomp={value}", note.place))
        if (note := self._notes.get(f"{_OF_PODMAN}volumes-from/{container}")) is not None:
            said.append(GivenOption("volumes-from", note.text, note.place))
        if selinux is not None:
            for field in ("user", "role", "type", "level"):
                if value := text_at(selinux, field):
                    said.append(GivenOption("security-opt", f"label={field}:{value}", selinux.place))
        return said

    def _mounts(self, node: Mapping) -> list[GivenOption]:
        said = []
        for each in items_at(node, "volumeMounts"):
            name, target = text_at(each, "name"), text_at(each, "mountPath")
            volume = self._volumes.get(name)
            if not target or not name:
                self.problems.append(Problem(each.place, msg("This mount has no name or no mount path.")))
                continue
            read_only = ":ro" if flag_at(each, "readOnly") else ""
            path = text_at(volume, "hostPath", "path")
            if path:
                wide = {"Bidirectional": "rshared", "HostToContainer": "rslave"}.get(
                    text_at(each, "mountPropagation"), ""
                )
                words = ",".join(word for word in (read_only[1:], wide) if word)
                if text_at(volume, "hostPath", "type") in ("CharDevice", "BlockDevice"):
                    said.append(GivenOption("device", f"{path}:{target}", each.place))
                    continue
                rest = text_at(each, "subPath")
                source = f"{path.rstrip('/')}/{rest}" if rest else path
                said.append(GivenOption("volume", f"{source}:{target}{':' if words else ''}{words}", each.place))
            elif text_at(volume, "emptyDir", "medium") == "Memory":
                said.append(GivenOption("tmpfs", f"{target}{read_only}", each.place))
            else:
                claim = text_at(volume, "persistentVolumeClaim", "claimName")
                said.append(
                    self._of_claim(claim, target, read_only, each)
                    or GivenOption("volume", f"{claim or f'{self._name}-{name}'}:{target}{read_only}", each.place)
                )
        return said

    def _of_claim(self, claim: str, target: str, read_only: str, each: Node) -> GivenOption | None:
        """A claim whose volume binds a host folder, by its annotations."""
        notes = _texts(at(self._claims.get(claim), "metadata", "annotations"))
        options = {
            name: notes[f"{_VOLUME}{key}"].text
            for name, key in (("device", "device"), ("o", "mount-options"))
            if f"{_VOLUME}{key}" in notes
        }
        device, words, only = bound_folder(options)
        if not device:
            return None
        words = (*words, *(("ro",) if only or read_only else ()))
        return GivenOption("volume", ":".join(filter(None, (device, target, ",".join(words)))), each.place)


def quantity(text: str, *, cpu: bool) -> str:
    """Convert a quantity (`500m`, `1Gi`, `128M`) to what `run` accepts: cores, or bytes."""
    try:
        if cpu:
            return str(int(text[:-1]) / 1000) if text.endswith("m") else text
        for end, factor in (("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("k", 10**3),
                            ("M", 10**6), ("G", 10**9), ("T", 10**12)):  # fmt: skip
            if text.endswith(end):
                return str(int(float(text[: -len(end)]) * factor))
    except (ValueError, OverflowError):
        pass
    return text


# -- the Pod Security level of a pod, by its fields, and the fields that prevent the next level

_ADDED = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        "net.ipv4.tcp_keepalive_probes",
    )
)
_LABELS = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_VOLUMES = frozenset(
    ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name")
)
_GROUPS = ("initContainers", "containers", "ephemeralContainers")


def level(spec: Mapping, place: Position) -> Problem:
    """A note on the level, and the fields that prevent the next level."""
    lacking = tuple(dict.fromkeys(_against_baseline(spec)))
    if lacking:
        what = msg("Pod Security: privileged. Not baseline because of: {fields}.", fields=", ".join(lacking))
        return Problem(place, what)
    lacking = tuple(dict.fromkeys(_against_restricted(spec)))
    if lacking:
        what = msg("Pod Security: baseline. Not restricted because of: {fields}.", fields=", ".join(lacking))
        return Problem(place, what)
    return Problem(place, msg("Pod Security: restricted."))


def _containers(spec: Mapping) -> Iterator[Node]:
    for group in _GROUPS:
        yield from items_at(spec, group)


def _capabilities(container: Node, field: str) -> set[str]:
    items = items_at(container, "securityContext", "capabilities", field)
    return {item.text.upper().removeprefix("CAP_") for item in items if isinstance(item, Text)}


def _against_baseline(spec: Mapping) -> Iterator[str]:
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if flag_at(spec, field))
    if any(at(each, "hostPath") is not None for each in items_at(spec, "volumes")):
        yield "hostPath"
    if any(text_at(each, "name") not in _SYSCTLS for each in items_at(spec, "securityContext", "sysctls")):
        yield "sysctls"
    for each in (spec, *_containers(spec)):
        for field in ("seccompProfile", "appArmorProfile"):
            if text_at(each, "securityContext", field, "type") == "Unconfined":
                yield field
        if text_at(each, "securityContext", "seLinuxOptions", "type") not in _LABELS:
            yield "seLinuxOptions"
    for each in _containers(spec):
        if flag_at(each, "securityContext", "privileged"):
            yield "privileged"
        if not _capabilities(each, "add") <= _ADDED:
            yield "capabilities.add"
        if text_at(each, "securityContext", "procMount") not in ("", "Default"):
            yield "procMount"
        if any(text_at(port, "hostPort") not in ("", "0") for port in items_at(each, "ports")):
            yield "hostPort"


def _against_restricted(spec: Mapping) -> Iterator[str]:
    for each in items_at(spec, "volumes"):
        if isinstance(each, Mapping) and any(key.text not in _VOLUMES for key, _ in each.pairs()):
            yield "volumes"
    for each in _containers(spec):
        if flag_at(each, "securityContext", "allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        own = flag_at(each, "securityContext", "runAsNonRoot")
        if (flag_at(spec, "securityContext", "runAsNonRoot") if own is None else own) is not True:
            yield "runAsNonRoot"
        user = text_at(each, "securityContext", "runAsUser") or text_at(spec, "securityContext", "runAsUser")
        if user == "0":
            yield "runAsUser"
        kind = text_at(each, "securityContext", "seccompProfile", "type")
        if (kind or text_at(spec, "securityContext", "seccompProfile", "type")) not in ("RuntimeDefault", "Localhost"):
            yield "seccompProfile"
        if "ALL" not in _capabilities(each, "drop"):
            yield "capabilities.drop"
        if not _capabilities(each, "add") <= {"NET_BIND_SERVICE"}:
            yield "capabilities.add"
