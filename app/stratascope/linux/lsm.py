"""Security modules: which are active, how far the kernel is locked down, and the labels in /proc/PID/attr/current.

AppArmor and SELinux both write to that file: AppArmor `profile (mode)` and a newline, SELinux `user:role:type:level`
and a NUL. The list of active modules says which of the two it is; see `apparmor(7)`, `selinux(8)`,
aa_profile_snxprint() and label_modename() in security/apparmor/label.c. A mode that is not in the table is an error
rather than a guess, so nothing unknown passes for enforced.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.linux.decode import DecodeError
from stratascope.value import Value


class AppArmorMode(StrEnum):
    """What a profile does on a violation; `mixed`: the profiles of a stack differ."""

    ENFORCE = "enforce"  # refuses
    COMPLAIN = "complain"  # logs only
    KILL = "kill"  # refuses and kills the process
    UNCONFINED = "unconfined"  # forbids nothing
    USER = "user"  # asks a program in user space ("prompt")
    MIXED = "mixed"


class AppArmorPart(Value):
    """One profile of a stack; `namespace` is empty for the namespace of the reader."""

    profile: str  # "docker-default", "parent//child", a path, "unconfined"
    namespace: str = ""

    @property
    def child(self) -> str:
        """`kid` in `parent//kid`; empty for a profile that is no child."""
        return self.profile.partition("//")[2]

    @property
    def confines(self) -> bool:
        """False for `unconfined` itself. (A profile with another name can still be in unconfined mode.)"""
        return self.profile != "unconfined"


class AppArmorLabel(Value):
    """The `label` without its mode, the `mode`, and the stacked profiles (one if there is no stack)."""

    label: str
    mode: AppArmorMode
    parts: tuple[AppArmorPart, ...]


class SELinuxLabel(Value):
    """A context. Until a policy is loaded, every process is `kernel`: only `type` is set then."""

    label: str
    user: str
    role: str
    type: str
    level: str  # "s0:c530,c749", "s0-s0:c0.c1023"; empty if the policy has no levels

    @property
    def policy_loaded(self) -> bool:
        """False if SELinux runs without a policy."""
        return bool(self.user)


LOCKDOWN_LEVELS = ("none", "integrity", "confidentiality")  # each forbids more than the one before
_MODES = frozenset(mode.value for mode in AppArmorMode)
_HIDDEN = "---"  # aa_hidden_ns_name: a namespace the reader may not see into


def parse_apparmor(text: str) -> AppArmorLabel:
    """Decode AppArmor's text, with or without its newline. Raises DecodeError."""
    label = text.rstrip("\n\0")
    if not label or "\n" in label or "\0" in label:
        raise DecodeError(f"not an AppArmor label: {text[:60]!r}")
    mode = AppArmorMode.UNCONFINED
    # a profile name may contain " (" and ")" itself, so only the last one counts
    start = label.rfind(" (")
    if label.endswith(")") and start > 0:
        word = label[start + 2 : -1]
        if word not in _MODES:
            raise DecodeError(f"no such AppArmor mode: {word[:40]!r}")
        label, mode = label[:start], AppArmorMode(word)
        parts = _parts(label)
    else:
        parts = _parts(label)
        # only a namespace's profile `unconfined` is written without a mode
        if any(part.confines for part in parts):
            raise DecodeError(f"an AppArmor label without a mode: {text[:60]!r}")
    return AppArmorLabel(label, mode, parts)


def _parts(label: str) -> tuple[AppArmorPart, ...]:
    parts: list[AppArmorPart] = []
    namespace = ""
    for text in label.split("//&"):
        profile = text
        if text.startswith(":"):
            # a namespace is only named at its first profile, and the reader's own come first
            namespace, colon, profile = text[1:].partition(":")
            profile = profile.removeprefix("//")
            if not (namespace and colon):
                raise DecodeError(f"an AppArmor namespace without a name: {text[:60]!r}")
        if not profile or profile == _HIDDEN:
            raise DecodeError(f"an AppArmor profile without a name: {label[:60]!r}")
        parts.append(AppArmorPart(profile, namespace))
    return tuple(parts)


def parse_selinux(text: str) -> SELinuxLabel:
    """Decode SELinux's text, with or without its NUL. Raises DecodeError."""
    label = text.rstrip("\n\0")
    if not label or not label.isprintable() or " " in label:
        raise DecodeError(f"not an SELinux context: {text[:60]!r}")
    words = label.split(":", 3)
    if len(words) == 1:
        return SELinuxLabel(label, "", "", label, "")
    if len(words) < 3 or not all(words):
        raise DecodeError(f"not an SELinux context: {text[:60]!r}")
    return SELinuxLabel(label, words[0], words[1], words[2], words[3] if len(words) == 4 else "")


def parse_modules(text: str) -> tuple[str, ...]:
    """Parse /sys/kernel/security/lsm: the active modules, in the order the kernel calls them."""
    return tuple(part for part in text.strip().split(",") if part)


def parse_lockdown(text: str) -> str:
    """Parse the level in brackets, `[none] integrity confidentiality` (security/lockdown/lockdown.c). Raises
    DecodeError.
    """
    for word in text.split():
        if word.startswith("[") and word.endswith("]") and word[1:-1] in LOCKDOWN_LEVELS:
            return word[1:-1]
    raise DecodeError(f"no level of lockdown: {text[:60]!r}")
