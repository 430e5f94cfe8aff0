"""The toggles of layer 3: privileged mode left, fewer capabilities, single ones dropped, no new ones by exec.

Leaving privileged mode drags along what that mode switched off: filter, profile, masks and SELinux's type; namespaces
shared with the host are toggles of their own. `capabilities=default` takes away what goes beyond the engine's default
and gives nothing back that was dropped. A list is taken as it is, since a person chose it; `+CAP` adds to what there
is. The recommended preset leaves what was added by name, as it leaves an engine's socket: someone meant it.
`capabilities` says what is left, so it has to know all that a program needs; `drop` says what goes, whatever else is
chosen, and leaves the rest alone. A set that closes what is dangerous is made of it.
"""

from __future__ import annotations

from stratascope.core.container import Asked, ProfileKind
from stratascope.core.message import Message, msg, verbatim
from stratascope.core.observation.imports import uses
from stratascope.core.options.capabilities import bounding, engine_default, named, starts_as_root, with_result
from stratascope.core.options.rules import rules_of
from stratascope.core.relaunch.toggle import (
    MORE,
    Alternative,
    Cure,
    Evidence,
    Given,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.core.relaunch.want import GainedRights, HeldCapability, Want
from stratascope.layers.capabilities.explanations import TAKE_OVER
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.findings import short
from stratascope.layers.capabilities.losses import (
    beyond_standard,
    doubts,
    gives_rights,
    kept,
    learned,
    losses,
    no_gain,
    rights_doubted,
    set_uid_risk,
)
from stratascope.layers.shared.known_tools import Purpose
from stratascope.layers.shared.signs_of_use import (
    LONG,
    any_device_used,
    capabilities_used,
    devices_named,
    devices_of_work,
    devices_seen,
    disks_driven,
    evidence,
    gains,
    known_uses,
    mounts,
    parted,
    runs_containers,
    runs_scripts,
    tool_for,
    work_needs,
)
from stratascope.layers.shared.toggle_values import LATER_PRESETS, LEARNED, NOT_READ, in_no_preset, only, proof_of
from stratascope.linux.capability import CapabilitySet, number_of
from stratascope.linux.decode import DecodeError
from stratascope.value import replace

_LAYER = "capabilities"
_BOUNDING = "@status:CapBnd"


def _leave(asked: Asked, value: str, subject: Subject) -> Asked:
    if not asked.privileged:
        return asked
    # what Podman computes back from a privileged process is never an addition, but what the machine lacks as dropped
    typed = rules_of(subject.engine).typed_capabilities
    left = replace(
        asked,
        privileged=False,
        cap_drop=asked.cap_drop if typed else (),
        seccomp=ProfileKind.DEFAULT if asked.seccomp is not ProfileKind.CUSTOM else asked.seccomp,
        apparmor=ProfileKind.DEFAULT if asked.apparmor is ProfileKind.UNCONFINED else asked.apparmor,
        selinux_options=tuple(option for option in asked.selinux_options if option not in ("disable", "type:spc_t")),
        masked_paths=None,
        read_only_paths=None,
    )
    return with_result(left, subject.engine)


def _leave_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if not subject.container.asked.privileged:
        return ()
    return (
        msg("Mounting, loading modules and setting up networks will fail, and it no longer sees the host's devices."),
        msg("Why it runs privileged is not known: what it needs has to be given by name."),
    )


def _beyond(subject: Subject) -> CapabilitySet:
    return bounding(subject.container.asked, subject.engine) - engine_default(subject.engine)


def _kept_of_privileged(subject: Subject) -> tuple[tuple[str, str], ...]:
    """What of it was seen in use or is named; the rest of it goes."""
    names = (known_uses(_beyond(subject), subject) | (_beyond(subject) & work_needs(subject))).names()
    if disks_driven(subject) and not subject.container.asked.devices:
        return ()  # less would do, but not which disks
    devices = tuple(dict.fromkeys((*devices_named(subject), *devices_seen(subject), *devices_of_work(subject))))
    kept = (("capabilities", ",".join(names)), ("devices", ",".join(devices)))
    return tuple((name, MORE + value) for name, value in kept if value)


def _privileges_used(subject: Subject) -> Evidence | None:
    sign = runs_containers(subject) or (None if subject.container.asked.devices else disks_driven(subject))
    return sign or capabilities_used(_beyond(subject), subject) or any_device_used(subject)


def _instead_of_privileged(value: str, subject: Subject) -> tuple[Alternative, ...]:
    if tool_for(Purpose.SYSTEM, subject):
        return (Alternative(msg("Podman starts a whole system without it: --systemd=always.")),)
    if disks_driven(subject) is not None and not subject.container.asked.devices:
        return (Alternative(msg("Pass in each disk by its name, with the capability SYS_RAWIO.")),)
    if runs_containers(subject) is None:
        return ()
    return (
        Alternative(msg("Use its rootless variant, such as docker:dind-rootless or rootless Podman.")),
        Alternative(msg("Run it in a virtual machine, or on an engine of its own that is rootless.")),
    )


def _prove_left(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("It does not hold all capabilities of the engine")
    if facts is None or facts.bounding is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _BOUNDING)
    asked = subject.container.asked
    before: CapabilityFacts | None = subject.of(_LAYER)
    if not asked.privileged:
        left = facts.bounding <= bounding(asked, subject.engine)
    elif before is not None and before.bounding is not None:
        left = facts.bounding <= before.bounding and facts.bounding != before.bounding
    else:
        left = not facts.bounding & TAKE_OVER
    found = verbatim(short(facts.bounding)) if facts.bounding else msg("It holds none")
    return Proof(Proven.ENFORCED if left else Proven.NOT_ENFORCED, expected, found, _BOUNDING)


PRIVILEGED = Toggle(
    "privileged",
    _LAYER,
    msg("Remove --privileged"),
    msg("Restores the engine's default capabilities, filter, profile, masked paths and device rules."),
    "off",
    only("off"),
    _leave,
    lambda asked, subject: not asked.privileged,
    _leave_risks,
    _prove_left,
    lambda preset, subject: "off" if preset in LATER_PRESETS and subject.container.asked.privileged else None,
    doubts=lambda value, subject: doubts(
        bounding(subject.container.asked, subject.engine)
        - bounding(_leave(subject.container.asked, value, subject), subject.engine),
        subject,
    ),
    cure=lambda value, subject: Cure.GRANT,
    evidence=lambda value, subject: evidence(
        _privileges_used(subject),
        subject,
        "capabilities",
        "written",
    ),
    keeping=_kept_of_privileged,
    instead=_instead_of_privileged,
    leaves_privileged=True,
    word=msg("Privileged"),
)


def checked_names(value: str, subject: Subject) -> str:
    """Capabilities as typed, in their plain form: CAP_… names, in the kernel's order. Raises ToggleError."""
    numbers = set()
    for name in value.split(","):
        try:
            numbers.add(number_of(name.strip()))
        except DecodeError:
            raise ToggleError(
                msg("There is no capability {name}. Give names such as NET_BIND_SERVICE.", name=name.strip())
            ) from None
    facts: CapabilityFacts | None = subject.of(_LAYER)
    last = None if facts is None else facts.last
    if last is not None and max(numbers) > last:
        name = short(CapabilitySet(1 << max(numbers)))
        raise ToggleError(msg("This kernel has no capability {name}.", name=name))
    return ",".join(CapabilitySet(sum(1 << number for number in numbers)).names())


def _drop(asked: Asked, value: str, subject: Subject) -> Asked:
    gone = named(tuple(value.split(",")))
    if asked.privileged or not bounding(asked, subject.engine) & gone:
        return asked
    if "ALL" in asked.cap_add:  # what is left is said by name
        keeps, default = bounding(asked, subject.engine) - gone, engine_default(subject.engine)
        added, dropped = (keeps - default).names(), (default - keeps).names()
        return with_result(replace(asked, cap_add=added, cap_drop=dropped), subject.engine)
    added = tuple(name for name in asked.cap_add if not named((name,)) & gone)
    left = replace(asked, cap_add=added)
    # a name that is given by default has to be taken away by name
    given = with_result(left, subject.engine)
    more = named(given.capabilities or ()) & gone
    return with_result(replace(left, cap_drop=(*asked.cap_drop, *more.names())), subject.engine)


def _drop_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    return losses(bounding(subject.container.asked, subject.engine) - named(tuple(value.split(","))), subject)


def _prove_dropped(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    gone = named(tuple(value.split(",")))
    expected = msg("It has none of {names}", names=short(gone))
    if facts is None or facts.bounding is None or facts.effective is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _BOUNDING)
    whole = facts.bounding | facts.effective | (facts.permitted or CapabilitySet())
    still = whole & gone
    found = msg("It has {names}", names=short(still)) if still else msg("It has none of them")
    return Proof(Proven.NOT_ENFORCED if still else Proven.ENFORCED, expected, found, _BOUNDING)


def _use_of(gone: CapabilitySet, subject: Subject) -> Evidence:
    """Of those that it has. What its programs import is only evidence where all of them could be examined."""
    gone &= bounding(subject.container.asked, subject.engine)
    if _idle(subject):
        text = msg("It never was root and holds none, so only a set-uid program could use them.")
        return Evidence(Use.NOT_USED, text)
    found = evidence(capabilities_used(gone, subject), subject, "capabilities")
    if found.use is not Use.UNKNOWN:
        return found
    programs, rare = subject.programs, found
    if gone <= _HARDLY_USED | _OF_LOGINS and gone <= engine_default(subject.engine):
        rare = Evidence(Use.UNKNOWN, msg("Hardly any program needs {names}.", names=short(gone)), rare=True)
    if programs is None or not programs.whole or any(program.opaque for program in programs.found):
        return rare
    called = [use for use in uses(programs.found) if named((use.capability,)) & gone]
    if called or not programs.found:
        return rare
    return Evidence(Use.NOT_IMPORTED, msg("Its programs call nothing that needs {names}.", names=short(gone)))


def _spare(subject: Subject) -> str | None:
    """Of the engine's default: what it was not seen using in a long watch, else what hardly anything needs."""
    asked, seen = subject.container.asked, subject.seen
    if asked.privileged:
        return None
    now = bounding(asked, subject.engine)
    found = learned(LEARNED, subject, asked) if seen is not None and seen.seen.seconds >= LONG else None
    value = found.value if found is not None else _recommended(now, subject)
    if value is None:
        return None
    gone = (now & engine_default(subject.engine)) - named(_names(value))
    return ",".join(gone.names()) or None


def _drop_pieces(subject: Subject) -> tuple[str, ...]:
    """Each one that it has, or would have once it is no longer privileged."""
    asked = subject.container.asked
    return bounding(PRIVILEGED.apply(asked, "off", subject), subject.engine).names()


def _instead_of_capabilities(value: str, subject: Subject) -> tuple[Alternative, ...]:
    if "CAP_SYS_ADMIN" not in value.split(","):
        return ()
    if parted(subject) is not None:
        return (_OWN_FILTER,)
    return (Alternative(msg("Mount it on the host, and bind-mount that directory.")),) if mounts(subject) else ()


_OWN_FILTER = Alternative(msg("Use a seccomp profile that lets clone and unshare create user namespaces."))

DROP = Toggle(
    "drop",
    _LAYER,
    msg("Drop capabilities"),
    msg("Takes these capabilities away, and leaves the others."),
    "CAP,CAP",
    checked_names,
    _drop,
    lambda asked, subject: not asked.privileged and not bounding(asked, subject.engine),
    _drop_risks,
    _prove_dropped,
    in_no_preset,
    doubts=lambda value, subject: doubts(
        bounding(subject.container.asked, subject.engine) & named(tuple(value.split(","))), subject
    ),
    cure=lambda value, subject: (
        Cure.BARRIER if named(tuple(value.split(","))) & engine_default(subject.engine) else Cure.GRANT
    ),
    evidence=lambda value, subject: _use_of(named(tuple(value.split(","))), subject),
    instead=_instead_of_capabilities,
    goes_along=True,
    default="CAP_MKNOD",
    unit=Unit.CAPABILITIES,
    overridden=True,
    pieces=_drop_pieces,
    planned=_spare,
    single=msg("Drop {name}"),
)


_SHOWN = 5
_NNP = "@status:NoNewPrivs"
_BIND = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
_RAW = CapabilitySet.of(("CAP_NET_RAW",))


def _facts(subject: Subject) -> CapabilityFacts | None:
    facts: CapabilityFacts | None = subject.of(_LAYER)
    return facts


def _check(value: str, subject: Subject) -> str:
    word = value.strip().lower()
    if word in ("default", "none"):
        return word
    more = MORE if word.startswith(MORE) else ""
    names = value.strip().removeprefix(more)
    if any(name.strip().upper() in ("ALL", "CAP_ALL") for name in names.split(",")):
        raise ToggleError(msg("ALL is not hardening. Name the capabilities that it needs, or use default or none."))
    return more + checked_names(names, subject)


def _names(value: str) -> tuple[str, ...]:
    return () if value == "none" else tuple(value.removeprefix(MORE).split(","))


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    engine = subject.engine
    if value.startswith(MORE):
        return _more(asked, _names(value), subject)
    if value != "default":
        names = _names(value)
        if not asked.privileged and bounding(asked, engine) == named(names):
            return asked
        return with_result(replace(asked, cap_add=names, cap_drop=("ALL",)), engine)
    default = engine_default(engine)
    if not asked.privileged and bounding(asked, engine) <= default:
        return asked
    added = tuple(name for name in asked.cap_add if name != "ALL" and named((name,)) <= default)
    dropped = asked.cap_drop
    if "ALL" in asked.cap_add:  # it cancelled a dropping of all, which must not come into force now
        dropped = tuple(name for name in dropped if name != "ALL")
    return with_result(replace(asked, cap_add=added, cap_drop=dropped), engine)


def _more(asked: Asked, names: tuple[str, ...], subject: Subject) -> Asked:
    """What another user is given by name it holds with Podman (ambient), also what is in the bounding set already."""
    lacking = named(names) - bounding(asked, subject.engine)
    if asked.privileged or not (lacking or (_given_by_name(asked, subject) and named(names) - named(asked.cap_add))):
        return asked
    added = tuple(dict.fromkeys((*asked.cap_add, *names)))
    dropped = tuple(name for name in asked.cap_drop if name not in names)
    return with_result(replace(asked, cap_add=added, cap_drop=dropped), subject.engine)


def _given_by_name(asked: Asked, subject: Subject) -> bool:
    return rules_of(subject.engine).names_capabilities and not starts_as_root(asked)


def _on(asked: Asked, subject: Subject) -> bool:
    return not asked.privileged and bounding(asked, subject.engine) <= engine_default(subject.engine)


def _wanted(value: str, subject: Subject) -> CapabilitySet:
    asked = subject.container.asked
    return bounding(_apply(replace(asked, privileged=False), value, subject), subject.engine)


def _risks(value: str, subject: Subject) -> tuple[Message, ...]:
    left = _wanted(value, subject)
    found = losses(left, subject)
    return (*found, *beyond_standard(left, _BIND, subject)) if value == _later(subject) else found


def _prove(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    wanted = engine_default(subject.engine) if value == "default" else named(_names(value))
    if value.startswith(MORE):
        expected = msg("The bounding set has {names}", names=short(wanted))
    elif value == "default":
        expected = msg("The bounding set stays within the engine's default")
    elif wanted:
        expected = msg("The bounding set has nothing beyond {names}", names=short(wanted))
    else:
        expected = msg("The bounding set is empty")
    if facts is None or facts.bounding is None or facts.effective is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _BOUNDING)
    whole = facts.bounding | facts.effective | (facts.permitted or CapabilitySet())
    found = verbatim(short(whole)) if whole else msg("It is empty")
    if value.startswith(MORE):
        return Proof(Proven.ENFORCED if wanted <= facts.bounding else Proven.NOT_ENFORCED, expected, found, _BOUNDING)
    return Proof(Proven.ENFORCED if whole <= wanted else Proven.NOT_ENFORCED, expected, found, _BOUNDING)


def _preset(preset: Preset, subject: Subject) -> str | None:
    asked, engine = subject.container.asked, subject.engine
    now = bounding(asked, engine)
    if preset is Preset.RECOMMENDED:
        return None if asked.privileged or not now else _recommended(now, subject)
    value = _later(subject)
    return None if not asked.privileged and now == named(_names(value)) else value


def _later(subject: Subject) -> str:
    """What the presets after the recommended one leave: as the Pod Security Standard, but nothing is broken for it."""
    facts, asked, engine = _facts(subject), subject.container.asked, subject.engine
    now = engine_default(engine) | named(asked.cap_add) if asked.privileged else bounding(asked, engine)
    left = (now & _BIND if _uses_bind(subject) else CapabilitySet()) | known_uses(now, subject)
    if facts is None or facts.root_inside is not False:  # else they start it as the user that it became
        left |= now & kept(subject)
    return ",".join(left.names()) or "none"


# Making device nodes, file capabilities and raw packets is for installing and for network tools. SETPCAP is for giving
# powers away, and a process that did so shows it.
_HARDLY_USED = CapabilitySet.of(("CAP_MKNOD", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETPCAP"))
# For logins and jails: not where its program became an ordinary user for good
_OF_LOGINS = CapabilitySet.of(("CAP_AUDIT_WRITE", "CAP_SYS_CHROOT"))
# What native programs import the use of, where they do. Not SETUID and SETGID: root's sessions become others by them
_OF_SERVERS = _OF_LOGINS | CapabilitySet.of(("CAP_KILL",))
_SET_ID = CapabilitySet.of(("CAP_FSETID",))  # which a script's chmod takes without any import
_LOW = frozenset(map(str, range(1, 1024)))  # ports that not everyone may bind, ip(7)
_NETWORK_TOOL = CapabilitySet.of(("CAP_NET_ADMIN",))


def _recommended(now: CapabilitySet, subject: Subject) -> str | None:
    """What was given by name it is taken to need. Of the default, what hardly anything needs goes; nothing by guess."""
    facts, asked = _facts(subject), subject.container.asked
    if _idle(subject):
        return "none"
    if facts is None or facts.bounding is None or facts.permitted is None or "ALL" in asked.cap_add:
        return None
    if not starts_as_root(asked):
        # It never was root: what it holds is what it was given. Podman would give it all that is asked for
        left = now & facts.permitted
        return None if left == now else ",".join(left.names()) or "none"
    spare = _HARDLY_USED if facts.permitted else _HARDLY_USED | _OF_LOGINS
    if now & _NETWORK_TOOL:
        spare -= _RAW
    if facts.bounding != now:
        spare -= CapabilitySet.of(("CAP_SETPCAP",))
    if subject.programs is not None and subject.programs.whole and not runs_scripts(subject):
        spare |= _OF_SERVERS if any(program.opaque for program in subject.programs.found) else _OF_SERVERS | _SET_ID
    spare -= kept(subject) | known_uses(now, subject) | work_needs(subject)
    left = now - ((spare & engine_default(subject.engine)) - named(asked.cap_add))
    return None if left == now else ",".join(left.names()) or "none"


def _idle(subject: Subject) -> bool:
    """Whether it never was root and holds none: only set-uid programs could use what is in its bounding set."""
    facts = _facts(subject)
    held_none = facts is not None and facts.permitted == CapabilitySet() and facts.ambient == CapabilitySet()
    if subject.container.sandbox is None:
        return held_none and not starts_as_root(subject.container.asked)
    user = subject.of("usermap")
    return held_none and user is not None and user.uid_inside not in (0, None)


def _uses_bind(subject: Subject) -> bool:
    """Podman would give it to a program of another user that does not hold it now, so it is asked for by need.

    A program that became another user by itself is started as that one by the same presets: where it publishes no port
    below 1024 it has no use for it.
    """
    facts, asked = _facts(subject), subject.container.asked
    if facts is not None and facts.effective is not None and (not starts_as_root(asked) or facts.root_inside is False):
        low = any(port.container_port.partition("/")[0] in _LOW for port in asked.ports)
        return bool(facts.effective & _BIND) or (starts_as_root(asked) and low)
    return starts_as_root(asked)


def _pieces(subject: Subject) -> tuple[str, ...]:
    """What it takes away at once, `drop` takes away one by one: but for where it was given all there are."""
    default = engine_default(subject.engine)
    beyond = bounding(subject.container.asked, subject.engine) - default
    given_all = 2 * len(beyond) > len(CapabilitySet.full() - default)
    return ("default",) if given_all and not subject.container.asked.privileged else ()


def _allows(want: Want, subject: Subject) -> Given | None:
    """Root holds what is in its bounding set; others only what Podman gives them by name when they are started.

    Who became another user by itself lost them on the way, and gets none back in this manner. Where it is not known who
    it is, it is taken for whoever the container is started as.
    """
    if not isinstance(want, HeldCapability) or not named(want.names):
        return None
    asked = subject.container.asked
    other = not starts_as_root(asked) if want.uid is None else want.uid != 0
    if other and not _given_by_name(asked, subject):
        return None
    value = MORE + ",".join(named(want.names).names())
    if _apply(asked, value, subject) == asked:
        return None
    return Given(value, msg("Give it {names}", names=short(named(want.names))))


CAPABILITIES = Toggle(
    "capabilities",
    _LAYER,
    msg("Drop unused capabilities"),
    msg("Takes away root's powers that it does not need."),
    "default|none|CAP,CAP",
    _check,
    _apply,
    _on,
    _risks,
    _prove,
    _preset,
    doubts=lambda value, subject: doubts(
        bounding(subject.container.asked, subject.engine) - _wanted(value, subject), subject
    ),
    learned=learned,
    learned_words=(LEARNED,),
    unit=Unit.CAPABILITIES,
    overridden=True,
    gives="+CAP,CAP",
    allows=_allows,
    word=msg("Capabilities"),
    keeps=msg("Keeps only the capabilities: {names}"),
    cure=lambda value, subject: Cure.GRANT if value == "default" else Cure.BARRIER,
    planned=lambda subject: None,  # what goes is said one by one, by `drop`
    replaces=("drop",),
    stated=lambda asked, subject: ",".join(bounding(asked, subject.engine).names()) or "none",
    evidence=lambda value, subject: _use_of(CapabilitySet.full() - _wanted(value, subject), subject),
    pieces=_pieces,
)


def _forbid(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, no_new_privileges=value == "on")


def _forbid_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == "off":
        return ()
    facts = _facts(subject)
    wanted = gives_rights(subject)
    if subject.set_uid or (subject.set_uid is None and wanted):
        return (set_uid_risk(subject.set_uid or wanted),)
    if subject.set_uid is not None:
        return ()
    if facts is None or facts.regain_by_exec is None:
        return (msg("su, sudo, ping and other set-uid programs in it would no longer gain privileges."),)
    if facts.regain_by_exec or facts.root_inside is False:
        return (
            msg(
                "Its process does not hold all capabilities, and could gain some through a set-uid program (su, "
                "sudo, ping)."
            ),
        )
    return ()


def _forbid_preset(preset: Preset, subject: Subject) -> str | None:
    """The recommended one takes no program away that gives rights and is called; the Pod Security Standard does."""
    if preset is Preset.RECOMMENDED and gives_rights(subject):
        return None
    return None if subject.container.asked.no_new_privileges else "on"


def _prove_forbidden(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    answer = None if facts is None else facts.no_new_privs
    if value == "off":
        gained = None if answer is None else not answer
        return proof_of(gained, msg("no_new_privs is 0"), msg("It is 0"), msg("It is 1"), _NNP)
    return proof_of(answer, msg("no_new_privs is 1"), msg("It is 1"), msg("It is 0"), _NNP)


def _gain_used(value: str, subject: Subject) -> Evidence:
    paths = gives_rights(subject)
    if paths:
        return Evidence(Use.USED, set_uid_risk(paths), tuple(path.rpartition("/")[2] for path in paths[:_SHOWN]))
    if sign := gains(subject):
        return sign
    if subject.set_uid == ():
        return Evidence(Use.NOT_USED, msg("There is no program in it that gives privileges."))
    if subject.programs is not None and subject.programs.whole and subject.programs.found:
        return Evidence(Use.NOT_IMPORTED, msg("Its programs start none that gives privileges."))
    found = evidence(None, subject, "calls")
    if found.use is not Use.UNKNOWN:
        return found
    return Evidence(Use.UNKNOWN, msg("Few programs in containers gain privileges as they start."), rare=True)


def _gain(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, GainedRights) or not subject.container.asked.no_new_privileges:
        return None
    return Given("off", msg("Let its programs gain privileges when they start"))


NO_NEW_PRIVILEGES = Toggle(
    "no-new-privileges",
    _LAYER,
    msg("No new privileges"),
    msg("Starting a program never gives more privileges, not even a set-uid program."),
    "on",
    only("on", "off"),
    _forbid,
    lambda asked, subject: asked.no_new_privileges,
    _forbid_risks,
    _prove_forbidden,
    _forbid_preset,
    learned=no_gain,
    learned_words=(LEARNED,),
    guessed=True,
    evidence=_gain_used,
    doubts=lambda value, subject: () if value == "off" else rights_doubted(subject),
    gives="off",
    allows=_gain,
)


TOGGLES = (PRIVILEGED, CAPABILITIES, DROP, NO_NEW_PRIVILEGES)
