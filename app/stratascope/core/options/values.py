"""Parse and write the values of options as the engines' command lines accept them.

Sizes, numbers and flags as in docker/go-units and containers/common.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stratascope.core.container import AskedDevice, AskedLimit, AskedPort
from stratascope.core.text import typed_size
from stratascope.value import Value

_SIZE = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,9})?) ?([kmgtp]?)(?:i?b)?", re.ASCII | re.IGNORECASE).fullmatch
_BITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_MOST = 1 << 62
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def size(text: str) -> int | None:
    """Bytes of `512m`, `1.5GiB`, `1073741824`; None if it is not a size."""
    found = _SIZE(text.strip())
    if found is None:
        return None
    number = float(found[1]) * (1 << _BITS[found[2].lower()])
    return int(number) if abs(number) < _MOST else None


def whole(text: str) -> int | None:
    """Parse an integer with or without a sign; None if it is not one."""
    text = text.strip()
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else None


def decimal(text: str) -> float | None:
    """Parse a number of CPUs such as `.5`; None if it is not one."""
    return float(text) if re.fullmatch(r"(?=.*[0-9])[0-9]{0,9}(?:\.[0-9]{0,9})?", text.strip()) else None


def true(value: str | None) -> bool | None:
    """Parse a flag's value as Go's strconv.ParseBool does; True without a value; None if it is not a boolean."""
    if value is None or value in _TRUE:
        return True
    return False if value in _FALSE else None


def capability(word: str) -> str:
    """Normalise `net_admin`, `CAP_NET_ADMIN`, `all` to CAP_… or ALL."""
    name = word.strip().upper()
    if name in ("ALL", "CAP_ALL"):
        return "ALL"
    return name if name.startswith("CAP_") else f"CAP_{name}"


def id_map(text: str) -> tuple[int, int, int] | None:
    """Parse `INSIDE:OUTSIDE:LENGTH`; None if it has another form."""
    numbers = [number for part in text.split(":") if (number := whole(part)) is not None]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 == text.count(":") + 1 else None


def keep_id(mode: str) -> dict[str, int]:
    """The numbers of `keep-id:uid=…,gid=…`, as far as given."""
    words = dict(word.partition("=")[::2] for word in mode.partition(":")[2].split(","))
    found = {name: whole(words.get(name, "")) for name in ("uid", "gid")}
    return {name: number for name, number in found.items() if number is not None}


def device_of(text: str) -> AskedDevice:
    """Parse `SOURCE[:TARGET][:rwm]`."""
    source, *rest = text.split(":")
    target = rest.pop(0) if rest and rest[0].startswith("/") else source
    return AskedDevice(source, target, rest[0] if rest and rest[0] else "rwm")


def device_text(device: AskedDevice) -> str:
    """`/dev/fuse:/dev/fuse:rwm`, or a Container Device Interface name, which has no path in the container."""
    return device.source if "=" in device.source else f"{device.source}:{device.target}:{device.permissions}"


def port_of(text: str) -> AskedPort:
    """Parse `[[ADDRESS:]PORT:]PORT[/PROTOCOL]`."""
    address, colon, inside = text.rpartition(":")
    name = inside if "/" in inside else f"{inside}/tcp"
    if not colon:
        return AskedPort(name, "", "")
    host, _, number = address.rpartition(":")
    return AskedPort(name, host.strip("[]"), number)


def port_text(port: AskedPort) -> str:
    """`127.0.0.1:8080:80/tcp`, with brackets around an IPv6 address."""
    address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    if address:
        return f"{address}:{port.host_port}:{port.container_port}"
    return f"{port.host_port}:{port.container_port}" if port.host_port else port.container_port


def limit_of(text: str) -> AskedLimit | None:
    """Parse `nofile=100:200`; None if it has another form."""
    name, _, numbers = text.partition("=")
    soft, _, hard = numbers.partition(":")
    least, most = whole(soft), whole(hard or soft)
    return None if least is None or most is None else AskedLimit(name.lower(), least, most)


class Form(Value):
    """How an option's value is typed, or one of its values if it can be repeated.

    `read`: parse it; None if it is invalid. `text`: write it exactly, for a program; `typed`: write it as a person
    would. `limit`: whether it is a number where 0 or less means no limit.
    """

    read: Callable[[str], Any]
    text: Callable[[Any], str] = str
    typed: Callable[[Any], str] = str
    limit: bool = False


def between(least: int, most: int) -> Form:
    """The form of an integer within these bounds."""

    def read(text: str) -> int | None:
        number = whole(text)
        return number if number is not None and least <= number <= most else None

    return Form(read)


def _bare(name: str) -> str:
    return name.removeprefix("CAP_")


def _alike(read: Callable[[str], Any], text: Callable[[Any], str], *, limit: bool = False) -> Form:
    return Form(read, text, text, limit)


FLAG = Form(true)
TEXT = Form(str)
SIZE = Form(size, str, typed_size, limit=True)
WHOLE = Form(whole, limit=True)
CORES = _alike(decimal, "{:.9g}".format, limit=True)
CAPABILITY = Form(capability, str, _bare)
DEVICE = _alike(device_of, device_text)
PORT = _alike(port_of, port_text)
LIMIT = _alike(limit_of, lambda each: f"{each.name}={each.soft}:{each.hard}")
PAIR = _alike(lambda text: tuple(text.partition("=")[::2]), "=".join)
IDS = _alike(id_map, lambda numbers: ":".join(map(str, numbers)))
