"""Docker's inspect JSON into a create request for the same container. Pure.

The request is `{**Config, "HostConfig": …, "NetworkingConfig": …}` as in inspect, except for the few fields that Docker
would refuse or misunderstand. Decided against the SDK's keywords: they lose fields and invent volumes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.ports import RawContainer
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.engines.docker.inspect import translate
from stratascope.engines.docker.mounts import pin_volumes
from stratascope.engines.shared.json_reader import JsonObject, parse_object
from stratascope.engines.shared.rest_engine import compact
from stratascope.value import Value

_SHORT = 12  # characters of an id used as host name and network alias
_STOP_SECONDS = 10  # the default stop timeout (docker stop)
_SHARED = ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "Cgroup")  # may be `container:…`
_NAMELESS = ("host", "none")  # networks without a configurable endpoint
# Settings of an endpoint; the other fields in inspect are results
_ENDPOINT = ("IPAMConfig", "Links", "Aliases", "DriverOpts", "GwPriority")


class EngineAnswers(Value):
    """What the engine reports apart from the container itself.

    `image` is the inspect JSON of its image, None if that is gone. `tagged` is the id that its image's name refers to
    now, "" if none. `borrowed` are the targets of mounts from other containers (volumes-from).
    """

    image: str | None
    tagged: str
    host_name: str = ""
    borrowed: frozenset[str] = frozenset()


def launch_spec(inspect: str, engine: Engine, around: EngineAnswers) -> LaunchSpec:
    """The spec of one container. Raises ValueError with a clear text if the JSON is damaged."""
    raw = parse_object(inspect)
    answer = JsonObject(raw)
    container = translate(RawContainer(engine.id, answer.text("Id"), inspect), engine)
    config, host = answer.part("Config"), answer.part("HostConfig")
    for mount in host.parts("Mounts"):
        mount.text("Target"), mount.text("Source"), mount.part("VolumeOptions")  # not checked elsewhere
    if not container.id or not raw.get("Config") or not raw.get("HostConfig"):
        raise ValueError("no Id, Config or HostConfig in the answer")
    policy = host.part("RestartPolicy")
    differs: list[Message] = []
    body = _body(raw, around, differs)
    differs.extend(_new_ports(container.asked))
    return LaunchSpec(
        engine=engine.id,
        kind=EngineKind.DOCKER,
        id=container.id,
        name=container.name,
        image=config.text("Image"),
        image_id=answer.text("Image"),
        asked=container.asked,
        body=compact(body),
        inspect=inspect,
        restart=RestartPolicy(policy.text("Name") or "no", policy.whole("MaximumRetryCount")),
        auto_remove=host.flag("AutoRemove"),
        stop_timeout=_stop_seconds(raw["Config"].get("StopTimeout")),
        labels=container.labels,
        environment=config.texts("Env") or (),
        image_environment=_environment_of(around.image),
        lost=_lost(config.text("Image"), around),
        differs=tuple(differs),
    )


def with_image(body: str, image: str) -> str:
    """The same request with another image, such as a commit of the writable layer."""
    return compact({**parse_object(body), "Image": image})


def repointed(body: str, moved: Mapping[str, str]) -> str:
    """The same request, with the new ids of containers whose namespaces it shares and that it is linked to.

    `VolumesFrom` stays: it is only read once, and the volumes are the same.
    """
    request = parse_object(body)
    host = dict(request.get("HostConfig") or {})
    for key in _SHARED:
        kind, _, other = str(host.get(key) or "").partition(":")
        if kind == "container" and other in moved:
            host[key] = f"{kind}:{moved[other]}"
    if host.get("Links"):
        links = [str(link).partition(":") for link in host["Links"]]
        host["Links"] = [f"{moved.get(other, other)}:{alias or other}" for other, _, alias in links]
    return compact({**request, "HostConfig": host})


def _body(raw: dict[str, Any], around: EngineAnswers, differs: list[Message]) -> dict[str, Any]:
    answer = JsonObject(raw)
    body, host = dict(raw["Config"]), dict(raw["HostConfig"])
    short = answer.text("Id")[:_SHORT]
    network = answer.part("HostConfig").text("NetworkMode")
    joined = network.startswith("container:")
    if host.get("UTSMode") == "host" or joined:
        # Inspect shows the host's or the other container's names, which Docker refuses in a request
        body.pop("Hostname", None)
        body.pop("Domainname", None)
    elif body.get("Hostname") == short:
        body.pop("Hostname")
        differs.append(msg("Its host name is its short ID, so it gets a new one."))
    elif network == "host" and around.host_name and body.get("Hostname") == around.host_name:
        body.pop("Hostname")  # filled in by the engine, which will do so again
    if joined:
        body.pop("ExposedPorts", None)
    _entry_point(body, around.image)
    if around.tagged != answer.text("Image"):
        body["Image"] = answer.text("Image")
        if around.image is not None:
            name = JsonObject(raw["Config"]).text("Image")
            differs.append(msg("The name {image} now refers to another image: the one it runs is used.", image=name))
    if host.get("ContainerIDFile"):
        path = str(host["ContainerIDFile"])
        differs.append(msg("The file {path} will still contain the original's ID.", path=path))
    host.pop("ContainerIDFile", None)
    host.pop("ConsoleSize", None)
    if host.get("Links"):
        host["Links"] = [_link(link) for link in answer.part("HostConfig").texts("Links") or ()]
    mac = body.pop("MacAddress", None)
    if pin_volumes(answer, host, around.borrowed) and host.get("AutoRemove"):
        differs.append(msg("Its anonymous volumes are kept: they stay when the container is removed."))
    body["HostConfig"] = host
    if not joined and network not in _NAMELESS:
        body["NetworkingConfig"] = {"EndpointsConfig": _endpoints(answer, mac, short)}
    return body


def _environment_of(image: str | None) -> tuple[str, ...]:
    return JsonObject(parse_object(image)).part("Config").texts("Env") or () if image else ()


def _entry_point(body: dict[str, Any], image: str | None) -> None:
    """Null would restore the image's entry point; Docker takes `[""]` for none (moby, daemon/commit.go: merge)."""
    if image is None or body.get("Entrypoint"):
        return
    if JsonObject(parse_object(image)).part("Config").texts("Entrypoint"):
        body["Entrypoint"] = [""]


def _link(link: str) -> str:
    """Convert inspect's `/dep:/me/alias` to `dep:alias`, as typed."""
    target, _, alias = link.partition(":")
    return f"{target.removeprefix('/')}:{posixpath.basename(alias)}" if alias else target.removeprefix("/")


def _endpoints(answer: JsonObject, mac: Any, short: str) -> dict[str, Any]:
    """The networks that it is connected to now, including those connected later."""
    networks = answer.part("NetworkSettings").part("Networks")
    mode = answer.part("HostConfig").text("NetworkMode")
    found = {}
    for name in networks.names():
        said = networks.part(name)
        kept = {key: said.raw(key) for key in _ENDPOINT if said.raw(key) is not None}
        aliases = [alias for alias in said.texts("Aliases") or () if alias != short]
        if "Aliases" in kept:
            kept["Aliases"] = aliases or None
        primary = mode in (name, said.text("NetworkID")) or (mode in ("default", "") and name == "bridge")
        pinned = mac if primary and mac else _chosen_mac(said)
        if pinned:
            kept["MacAddress"] = pinned
        found[name] = kept
    return found


def _chosen_mac(endpoint: JsonObject) -> str:
    """The address, unless Docker derived it from the IPv4 address (libnetwork, netutils.GenerateMACFromIP)."""
    mac, address = endpoint.text("MacAddress"), endpoint.text("IPAddress")
    made = "02:42:" + ":".join(f"{int(part):02x}" for part in address.split(".") if part.isdecimal())
    return "" if mac.lower() == made else mac


def _new_ports(asked: Asked) -> tuple[Message, ...]:
    ports = ", ".join(port.container_port for port in asked.ports if port.host_port in ("", "0"))
    if not ports:
        return ()
    return (msg("The engine chose the host port for {ports}, and may choose another one.", ports=ports),)


def _stop_seconds(value: Any) -> int:
    """The stop timeout; a negative one means for ever, which a relaunch can't wait."""
    return value if isinstance(value, int) and value >= 0 else _STOP_SECONDS


def _lost(image: str, around: EngineAnswers) -> tuple[Message, ...]:
    if around.image is not None:
        return ()
    return (msg("Its image {image} was deleted, so no container can be created from it.", image=image),)
