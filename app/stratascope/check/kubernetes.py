"""Kubernetes manifests, as `podman kube play` would start them on this machine: a service for each container.

By the API's reference (Pod v1 core). The Pod Security level is worked out from the fields, as the admission controller
does (Pod Security Standards).
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.check.options import KUBE_PLAY
from stratascope.check.pod_security import level
from stratascope.check.reading import Place, Problem, Read, Said, Service
from stratascope.check.yaml_nodes import List, Mapping, Node, Text, at, flag_at, items_at, text_at
from stratascope.core.container import EngineKind
from stratascope.core.message import msg

_TEMPLATED = frozenset(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"))
_KINDS = _TEMPLATED | {"Pod", "CronJob", "PodTemplate"}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_MOST = 1000


def is_manifest(documents: Sequence[Node]) -> bool:
    """Whether some document says of which kind and version it is."""
    return any(isinstance(each, Mapping) and each.get("kind") and each.get("apiVersion") for each in documents)


def read(documents: Sequence[Node], file: str) -> Read:
    """All containers of all pods, in order."""
    services: list[Service] = []
    problems: list[Problem] = []
    for each in _objects(documents):
        kind = text_at(each, "kind")
        spec = _pod_spec(each, kind)
        if spec is None:
            if kind in _KINDS:
                problems.append(Problem(each.place, msg("This {kind} has no pod.", kind=kind)))
            continue
        pod = _Pod(text_at(each, "metadata", "name") or kind.lower(), spec)
        found = pod.services()
        services += found[: max(0, _MOST - len(services))]
        problems += pod.problems
        problems.append(level(spec, spec.place))
    if not services:
        what = msg(
            "There is no pod here, nor anything that creates one (Deployment, StatefulSet, DaemonSet, Job, CronJob)."
        )
        problems.append(Problem(Place(file, 0), what, True))
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


def _pod_spec(each: Mapping, kind: str) -> Mapping | None:
    if kind == "Pod":
        found = at(each, "spec")
    elif kind in _TEMPLATED:
        found = at(each, "spec", "template", "spec")
    elif kind == "CronJob":
        found = at(each, "spec", "jobTemplate", "spec", "template", "spec")
    else:
        found = at(each, "template", "spec") if kind == "PodTemplate" else None
    return found if isinstance(found, Mapping) else None


class _Pod:
    def __init__(self, name: str, spec: Mapping) -> None:
        self._name, self._spec = name, spec
        self.problems: list[Problem] = []
        self._volumes = {text_at(each, "name"): each for each in items_at(spec, "volumes")}

    def services(self) -> list[Service]:
        found = []
        for group in CONTAINERS:
            for node in items_at(self._spec, group):
                if not isinstance(node, Mapping):
                    self.problems.append(Problem(node.place, msg("A container has to be a mapping.")))
                    continue
                name = text_at(node, "name") or "container"
                said = [*self._of_pod(), *self._of_container(node)]
                image = text_at(node, "image")
                if "{{" in image or "${" in image:
                    self.problems.append(Problem(node.place, msg("{what} is left as it is.", what="{{ }}")))
                place = node.place
                found.append(Service(f"{self._name}-{name}", place, image, tuple(said), EngineKind.PODMAN))
        return found

    def _of_pod(self) -> list[Said]:
        spec, said = self._spec, []
        for field, option in (("hostNetwork", "network"), ("hostPID", "pid"), ("hostIPC", "ipc")):
            if flag_at(spec, field) and (node := at(spec, field)) is not None:
                said.append(Said(option, "host", node.place))
        if flag_at(spec, "shareProcessNamespace") and not flag_at(spec, "hostPID"):  # the API refuses both together
            together = at(spec, "shareProcessNamespace")
            said += [] if together is None else [Said("pid", "pod", together.place)]
        if flag_at(spec, "hostUsers") is False and (users := at(spec, "hostUsers")) is not None:
            said.append(Said("userns", "auto", users.place))
        for each in items_at(spec, "securityContext", "sysctls"):
            said.append(Said("sysctl", f"{text_at(each, 'name')}={text_at(each, 'value')}", each.place))
        groups = items_at(spec, "securityContext", "supplementalGroups")
        if (group := at(spec, "securityContext", "fsGroup")) is not None:
            groups = [*groups, group]
        return [*said, *(Said("group-add", each.text, each.place) for each in groups if isinstance(each, Text))]

    def _of_container(self, node: Mapping) -> list[Said]:
        said = [Said(KUBE_PLAY, self._name, node.place)]

        def context(name: str) -> Node | None:
            """The container's own word before the pod's."""
            found = at(node, "securityContext", name)
            return at(self._spec, "securityContext", name) if found is None else found

        user, group = context("runAsUser"), context("runAsGroup")
        if isinstance(user, Text):
            said.append(Said("user", f"{user.text}:{group.text}" if isinstance(group, Text) else user.text, user.place))
        for field, option in (("privileged", "privileged"), ("readOnlyRootFilesystem", "read-only")):
            if flag_at(node, "securityContext", field) and (found := at(node, "securityContext", field)) is not None:
                said.append(Said(option, "true", found.place))
        escalation = at(node, "securityContext", "allowPrivilegeEscalation")
        if escalation is not None and flag_at(escalation) is False:
            said.append(Said("security-opt", "no-new-privileges", escalation.place))
        for field, option in (("drop", "cap-drop"), ("add", "cap-add")):
            for each in items_at(node, "securityContext", "capabilities", field):
                if isinstance(each, Text):
                    said.append(Said(option, each.text, each.place))
        said += self._profiles(context("seccompProfile"), context("appArmorProfile"), context("seLinuxOptions"))
        mask = at(node, "securityContext", "procMount")
        if isinstance(mask, Text) and mask.text == "Unmasked":
            said.append(Said("security-opt", "unmask=ALL", mask.place))
        for field, option in (("memory", "memory"), ("cpu", "cpus")):
            limit = at(node, "resources", "limits", field)
            if isinstance(limit, Text):
                said.append(Said(option, quantity(limit.text, cpu=field == "cpu"), limit.place))
        for each in items_at(node, "ports"):
            if port := text_at(each, "hostPort"):
                address = text_at(each, "hostIP")
                inside = f"{text_at(each, 'containerPort')}/{(text_at(each, 'protocol') or 'tcp').lower()}"
                said.append(
                    Said("publish", f"{address}:{port}:{inside}" if address else f"{port}:{inside}", each.place)
                )
        return [*said, *self._mounts(node)]

    def _profiles(self, seccomp: Node | None, apparmor: Node | None, selinux: Node | None) -> list[Said]:
        said = []
        for name, node in (("seccomp", seccomp), ("apparmor", apparmor)):
            kind = text_at(node, "type")
            if node is None or kind in ("", "RuntimeDefault"):
                continue
            value = "unconfined" if kind == "Unconfined" else text_at(node, "localhostProfile")
            said.append(Said("security-opt", f"{name}={value}", node.place))
        if selinux is not None:
            for field in ("user", "role", "type", "level"):
                if value := text_at(selinux, field):
                    said.append(Said("security-opt", f"label={field}:{value}", selinux.place))
        return said

    def _mounts(self, node: Mapping) -> list[Said]:
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
                rest = text_at(each, "subPath")
                source = f"{path.rstrip('/')}/{rest}" if rest else path
                said.append(Said("volume", f"{source}:{target}{':' if words else ''}{words}", each.place))
            elif text_at(volume, "emptyDir", "medium") == "Memory":
                said.append(Said("tmpfs", f"{target}{read_only}", each.place))
            else:
                claim = text_at(volume, "persistentVolumeClaim", "claimName") or f"{self._name}-{name}"
                said.append(Said("volume", f"{claim}:{target}{read_only}", each.place))
        return said


def quantity(text: str, *, cpu: bool) -> str:
    """A quantity of the API: `500m`, `1Gi`, `128M` as `run` takes them: cores, or bytes."""
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
