"""What Podman says of one container, from four sources, for building it again. Pure.

`inspect` is the truth for what it shows; the OCI configuration has what inspect hides (sysctls, masks, device
permissions); `podman generate spec` and the command that made the container tell what was chosen and what came of
itself. The last two only fill gaps: the command may be older than the container's settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratascope.core.options.values import id_map
from stratascope.engines.podman.create_command import Options, options
from stratascope.engines.shared.json_reader import JsonObject, parse, parse_object
from stratascope.value import Value

ANNOTATION = "io.podman.annotations."
_ROOT = ("", "root", "0")  # as Podman tells root: by the word


class Sources(Value):
    """JSON texts. `oci` and `generated` where they could be had, `image` where the engine still has it."""

    inspect: str
    oci: str | None = None
    generated: str | None = None
    image: str | None = None


class Known(Value):
    """The sources, read. Objects that are missing are empty; `has_oci` and `typed` say whether they were there."""

    answer: JsonObject
    inspect: dict[str, Any]
    oci: dict[str, Any]
    generated: dict[str, Any]
    image: dict[str, Any]
    typed: Options | None

    @property
    def has_oci(self) -> bool:
        return bool(self.oci)

    @property
    def told(self) -> bool:
        """Whether anything says what was chosen and what came of itself."""
        return self.typed is not None or bool(self.generated)

    @property
    def config(self) -> JsonObject:
        return self.answer.part("Config")

    @property
    def host(self) -> JsonObject:
        return self.answer.part("HostConfig")

    @property
    def notes(self) -> dict[str, str]:
        """Annotations."""
        return dict(self.config.pairs("Annotations")) | dict(self.host.pairs("Annotations"))

    def note(self, name: str) -> str:
        """One of Podman's own annotations."""
        return self.notes.get(f"{ANNOTATION}{name}", "")

    def last(self, option: str) -> str:
        """The last value that was typed for an option; empty where none was."""
        values = (self.typed or {}).get(option, ())
        return values[-1] if values else ""

    def all(self, option: str) -> tuple[str, ...]:
        """All values that were typed for an option."""
        return (self.typed or {}).get(option, ())

    def mounts(self) -> dict[str, dict[str, Any]]:
        """The OCI configuration's mounts by place."""
        return {str(mount.get("destination")): mount for mount in objects(self.oci, "mounts")}


def known(sources: Sources) -> Known:
    """Raises ValueError with a clear text where one of them is damaged."""
    inspect = _object(sources.inspect)
    answer = JsonObject(inspect)
    command = answer.part("Config").texts("CreateCommand")
    generated = sources.generated
    return Known(
        answer=answer,
        inspect=inspect,
        oci=parse_object(sources.oci) if sources.oci else {},
        generated=parse_object(generated) if generated else {},
        image=_object(sources.image) if sources.image else {},
        typed=options(command) if command else None,
    )


def _object(text: str) -> dict[str, Any]:
    value = parse(text)
    if isinstance(value, list) and len(value) == 1:  # as the command line has it
        value = value[0]
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {type(value).__name__}")
    return value


def added(answer: JsonObject) -> tuple[str, ...]:
    """The capabilities that were added, as inspect has them.

    CapAdd is what goes beyond the default. A user who is not root gets exactly those that were added, also of the
    default (pkg/specgen/generate/security_linux.go), so there the others are among what is in effect.
    """
    host = answer.part("HostConfig")
    beyond, dropped = host.texts("CapAdd") or (), host.texts("CapDrop") or ()
    if answer.part("Config").text("User").partition(":")[0] in _ROOT:
        return beyond
    given = answer.texts("EffectiveCaps") or ()
    return (*beyond, *(name for name in given if name not in beyond and name not in dropped))


def id_maps(mappings: JsonObject, field: str) -> tuple[tuple[int, int, int], ...]:
    """`["0:200000:65536"]`: inside, outside, length. Raises ValueError."""
    found = []
    for text in mappings.texts(field) or ():
        numbers = id_map(text)
        if numbers is None or min(numbers) < 0:
            raise ValueError(f"HostConfig.IDMappings.{field}: no id mapping: {text[:60]!r}")
        found.append(numbers)
    return tuple(found)


def part(value: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A nested object; empty where it is missing. Raises ValueError where it is something else."""
    found: Any = value
    for key in keys:
        found = found.get(key)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise ValueError(f"{key}: expected an object, found {type(found).__name__}")
    return dict(found)


def objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; empty where it is missing. Raises ValueError where it is something else."""
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ValueError(f"{key}: expected a list of objects")
    return found


def words(value: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts; empty where it is missing. Raises ValueError where it is something else."""
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{key}: expected a list of texts")
    return list(found)
