"""Which reader says what a maker was asked for, and where the rest of it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.container import ProfileKind
from stratascope.core.sandboxes.asked import (
    bubblewrap,
    codex,
    containerd,
    firejail,
    flatpak,
    lxc,
    nspawn,
    systemd,
    unshare,
)
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.makers import Maker
from stratascope.core.shell_quote import words
from stratascope.linux.confined import ConfinedProcess
from stratascope.value import replace

TEXT_MAX = 1 << 16
_BY_ARGUMENTS: dict[str, Callable[[Sequence[str]], AskedOf]] = {
    "bubblewrap": bubblewrap.read,
    "containerd": containerd.read,
    "firejail": firejail.read,
    "lxc": lxc.read,
    "nspawn": nspawn.read,
    "unshare": unshare.read,
}


def asked_of(
    tool: Maker,
    row: Maker,
    wrapper: ConfinedProcess | None,
    by: ConfinedProcess | None,
    inside: Sequence[ConfinedProcess],
) -> AskedOf:
    """By what processes say. `tool`: whom `row` had do it, its process `wrapper`; `by`: that of `row`; `inside`: those
    of the sandbox.
    """
    found = AskedOf()
    if wrapper is not None and wrapper.argv:
        read = _BY_ARGUMENTS.get(tool.id)
        if read is not None:
            found = _with_file(tool, read(wrapper.argv), wrapper)
        if row is not tool:
            found = replace(found, command=())  # on the way to what it runs
            found = _for(row, found, wrapper.argv)
        found = replace(found, texts=((f"/proc/{wrapper.pid}/cmdline", words(wrapper.argv)[:TEXT_MAX]), *found.texts))
    if by is not None and by is not wrapper and by.argv:
        found = replace(found, texts=(*found.texts, (f"/proc/{by.pid}/cmdline", words(by.argv)[:TEXT_MAX])))
    if row.id == "flatpak":
        found = _flatpaks(found, inside)
    if row.id == "systemd":
        found = _units(found, inside)
    return found


_FILES: dict[str, Callable[[str], AskedOf]] = {"containerd": containerd.read_file, "lxc": lxc.read_file}


def _with_file(tool: Maker, found: AskedOf, wrapper: ConfinedProcess) -> AskedOf:
    """With the text of the file that its command line names, where that was read."""
    if tool.id == "nspawn":
        path, text = next((each for each in wrapper.files if each[0].endswith(nspawn.SUFFIX)), ("", ""))
        return replace(nspawn.read(wrapper.argv or (), text), texts=((path, text[:TEXT_MAX]),)) if text else found
    path = found.texts[0][0] if found.texts else ""
    text = dict(wrapper.files).get(path, "")
    if not text or tool.id not in _FILES:
        return found
    said = _FILES[tool.id](text)
    return replace(found, command=said.command or found.command, asked=said.asked, texts=((path, text[:TEXT_MAX]),))


def _units(found: AskedOf, inside: Sequence[ConfinedProcess]) -> AskedOf:
    for each in inside:
        for source, text in each.files:
            if source.startswith(systemd.COMMANDS):
                return replace(found, asked=systemd.read(text).asked, texts=((source, text[:TEXT_MAX]), *found.texts))
    return found


def _for(row: Maker, found: AskedOf, argv: Sequence[str]) -> AskedOf:
    """What the tool's arguments say of what is done inside."""
    text = codex.profile(argv)
    if row.id == "codex" and text:
        asked = None if found.asked is None else codex.with_filter(found.asked, argv)
        return replace(found, asked=asked, texts=(("--permission-profile", text[:TEXT_MAX]), *found.texts))
    if found.asked is not None and any("/apply-seccomp" in word for word in argv):
        return replace(found, asked=replace(found.asked, seccomp=ProfileKind.CUSTOM))  # sandbox-runtime's last stage
    return found


def _flatpaks(found: AskedOf, inside: Sequence[ConfinedProcess]) -> AskedOf:
    for each in inside:
        text = dict(each.files).get(".flatpak-info")
        if text:
            said = flatpak.read(text)
            return replace(
                found,
                name=said.name,
                asked=said.asked,
                texts=((f"/proc/{each.pid}/root/.flatpak-info", text), *found.texts),
            )
    return found
