"""Presets that know what a container's programs import: they keep what those could need, and say so."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.container import Engine, EngineKind, ProfileKind
from stratascope.core.observation.imports import Program, Programs
from stratascope.core.observation.observation import Observation, Seen
from stratascope.core.relaunch.toggle import Preset, Subject
from stratascope.layers.capabilities.losses import gives_rights, learned, no_gain
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.layers.toggles import choices, toggle
from stratascope.linux.seccomp_profile import allowed_names
from stratascope.usecases.plan.choices import resolved
from stratascope.value import replace
from unit.layers.toggle_subjects import DEFAULTS, DOCKER, PODMAN, default, subject, words

SSHD = Program("/usr/sbin/sshd", ("chown", "chroot", "pam_authenticate", "pam_open_session", "setgid", "setuid"))
CRON = Program("/usr/sbin/cron", ("initgroups", "setgid", "setuid"))
NETWORK = Program("/usr/sbin/x", ("capset", "mknod", "pcap_activate"))
UNKNOWN = Program("/usr/bin/python3", ("setuid",), opaque=True)
RIGHTS = ("/usr/bin/sudo", "/usr/bin/su")


def known(*found: Program, set_uid: tuple[str, ...] = (), engine: Engine = DOCKER, **asked: Any) -> Subject:
    made = subject(default(engine, **asked), recorded("lsm/apparmor/docker-default"), engine)
    return replace(made, programs=Programs(found, set_uid) if found else None)


def chosen(preset: Preset, of: Subject) -> dict[str, str]:
    return {choice.id: choice.value.replace("CAP_", "") for choice in choices(preset, of)}


@pytest.mark.parametrize("preset", [Preset.RESTRICTED, Preset.STRICT])
def test_the_later_presets_break_no_login_service(preset: Preset) -> None:
    assert chosen(preset, known())["capabilities"] == "NET_BIND_SERVICE", "nothing is known"
    assert chosen(preset, known(UNKNOWN))["capabilities"] == "NET_BIND_SERVICE", "an interpreter says nothing"
    assert chosen(preset, known(CRON))["capabilities"] == "SETGID,SETUID,NET_BIND_SERVICE"
    kept = chosen(preset, known(SSHD))["capabilities"]
    assert kept == "CHOWN,DAC_OVERRIDE,SETGID,SETUID,NET_BIND_SERVICE,SYS_CHROOT,AUDIT_WRITE"


def test_recommended_keeps_what_hardly_anything_uses_where_it_is_imported() -> None:
    assert not {"SETPCAP", "MKNOD", "NET_RAW"} & set(chosen(Preset.RECOMMENDED, known(CRON))["capabilities"].split(","))
    kept = set(chosen(Preset.RECOMMENDED, known(NETWORK))["capabilities"].split(","))
    assert kept >= {"SETPCAP", "MKNOD", "NET_RAW"}
    assert "SETFCAP" not in kept


def test_imports_give_nothing_that_it_has_not() -> None:
    of = known(SSHD, cap_drop=("ALL",), capabilities=("CAP_CHOWN",))
    for preset in (Preset.RECOMMENDED, Preset.RESTRICTED):
        assert set(chosen(preset, of).get("capabilities", "CHOWN").split(",")) <= {"CHOWN"}
    assert "AUDIT_WRITE" not in chosen(Preset.RESTRICTED, known(SSHD, engine=PODMAN))["capabilities"]


def test_what_goes_beyond_the_default_is_not_kept_by_an_import() -> None:
    mounting = Program("/usr/sbin/x", ("mount", "setuid"))
    given = (*DEFAULTS[DOCKER.kind], "CAP_SYS_ADMIN")
    of = known(mounting, cap_add=("CAP_SYS_ADMIN",), capabilities=given)
    assert chosen(Preset.RESTRICTED, of)["capabilities"] == "SETUID,NET_BIND_SERVICE"


def test_a_program_that_became_another_user_is_started_as_that_one() -> None:
    of = known(CRON)
    facts = dict(of.facts)
    facts["capabilities"] = replace(facts["capabilities"], root_inside=False)
    other = replace(of, facts=tuple(facts.items()))
    assert "SETUID" not in chosen(Preset.RESTRICTED, other)["capabilities"]
    assert chosen(Preset.RESTRICTED, known(CRON, user="1000"))["capabilities"] == "NET_BIND_SERVICE"


def test_the_standard_is_named_where_a_preset_keeps_more() -> None:
    of = known(SSHD)
    value = next(choice.value for choice in choices(Preset.RESTRICTED, of) if choice.id == "capabilities")
    said = words(toggle("capabilities").risks(value, of))
    assert "Pod Security Standards" in said
    assert "sshd (setuid)" in said
    assert "NET_BIND_SERVICE" not in said
    assert "Pod Security Standards" not in words(toggle("capabilities").risks("CAP_CHOWN", of))


def test_who_would_miss_it_is_named() -> None:
    said = words(toggle("capabilities").risks("none", known(SSHD)))
    assert "SETUID" in said
    assert "sshd (setuid)" in said
    assert "sshd" not in words(toggle("capabilities").risks("none", known(UNKNOWN)))


def test_sudo_stays_where_people_log_in() -> None:
    nobody, somebody = known(SSHD), known(SSHD, set_uid=RIGHTS)
    assert chosen(Preset.RECOMMENDED, nobody)["no-new-privileges"] == "on"
    assert "no-new-privileges" not in chosen(Preset.RECOMMENDED, somebody)
    for preset in (Preset.RESTRICTED, Preset.STRICT):
        assert chosen(preset, somebody)["no-new-privileges"] == "on", "the Pod Security Standard asks for it"
    assert "/usr/bin/sudo, /usr/bin/su" in words(toggle("no-new-privileges").risks("on", somebody))


def test_what_is_missed_most_is_named_first() -> None:
    programs = tuple(f"/usr/bin/{name}" for name in ("chage", "chfn", "expiry", "mount", "passwd", "sudo"))
    of = replace(known(), set_uid=programs)
    said = words(toggle("no-new-privileges").risks("on", of))
    assert "starts them: /usr/bin/sudo, /usr/bin/mount, /usr/bin/passwd, /usr/bin/chfn, /usr/bin/chage." in said


def test_scripts_of_an_ordinary_user_may_call_what_was_installed_for_that() -> None:
    programs = ("/usr/bin/fping", "/usr/bin/passwd", "/usr/bin/su", "/usr/bin/sudo")
    python = Program("/usr/bin/python3", opaque=True)
    theirs = replace(known(python, user="1000"), set_uid=programs, users=())
    assert gives_rights(theirs) == ("/usr/bin/fping", "/usr/bin/sudo")
    assert no_gain("learned", theirs, theirs.container.asked) is None
    theirs = replace(theirs, seen=Observation(Seen(9.0, 1)))
    needed = learned("learned", theirs, theirs.container.asked)
    assert needed is not None
    assert {"CAP_AUDIT_WRITE", "CAP_NET_RAW", "CAP_SETUID"} <= set(needed.value.split(","))
    for other in (replace(known(python), set_uid=programs, users=()),  # root has them already
                  replace(known(NATIVE, user="1000"), set_uid=programs, users=())):  # fmt: skip
        assert gives_rights(other) == ()


NATIVE, SCRIPT = Program("/usr/sbin/x", ("chown", "setgid", "setuid")), Program("/entry", names=("x",), opaque=True)


@pytest.mark.parametrize(
    ("programs", "gone"),
    [
        ((), ""),  # nothing is known
        ((UNKNOWN,), ""),
        ((NATIVE,), "AUDIT_WRITE FSETID KILL SYS_CHROOT"),
        ((replace(NATIVE, imports=("chroot", "kill", "setuid")),), "AUDIT_WRITE FSETID"),
        ((SCRIPT, NATIVE), "AUDIT_WRITE KILL SYS_CHROOT"),  # what its chmod needs no import tells
        ((Program("/usr/bin/x", ("read",)),), "AUDIT_WRITE FSETID KILL SYS_CHROOT"),  # sessions still become others
    ],
)
def test_recommended_takes_what_no_program_of_it_imports(programs: tuple[Program, ...], gone: str) -> None:
    of = replace(known(*programs), users=(("x", 0), ("python3", 0)) if UNKNOWN in programs else (("x", 0),))
    kept = set(chosen(Preset.RECOMMENDED, of)["capabilities"].split(","))
    assert {"AUDIT_WRITE", "FSETID", "KILL", "SYS_CHROOT"} - kept == set(gone.split())
    assert {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"} <= kept


def test_what_was_not_looked_at_to_its_end_says_nothing() -> None:
    of = known(NATIVE)
    partly = replace(of, programs=Programs((NATIVE,), whole=False), users=(("x", 0),))
    assert "KILL" in chosen(Preset.RECOMMENDED, partly)["capabilities"]


def test_presets_have_the_filter_of_ordinary_programs_where_these_were_looked_at() -> None:
    """And what they import besides; it has a file only once it is wanted."""
    of = known(Program("/usr/sbin/x", ("keyctl", "mount", "umount2")), engine=PODMAN)
    facts = dict(of.facts)
    measured = MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset())
    facts["seccomp"] = replace(facts["seccomp"], profile=ProfileKind.DEFAULT, default=measured)
    of = replace(of, facts=tuple(facts.items()))
    for preset in (Preset.RECOMMENDED, Preset.RESTRICTED, Preset.STRICT):
        assert chosen(preset, of)["seccomp"] == "ordinary"
    found = resolved(choices(Preset.RECOMMENDED, of), of, lambda text: "/kept/1.json")
    assert dict(found.files).keys() == {"/kept/1.json"}
    names = allowed_names(found.files[0][1])
    assert {"chmod", "setuid", "shmget"} <= names
    assert not {"vmsplice", "ptrace", "name_to_handle_at"} & names
    assert "seccomp" not in chosen(Preset.RECOMMENDED, replace(of, programs=None))
    assert "seccomp" not in chosen(
        Preset.RECOMMENDED, replace(of, engine=replace(PODMAN, endpoint="ssh://x/run/p.sock"))
    )


def doubted(name: str, value: str, of: Subject) -> str:
    return words(toggle(name).doubts(value, of))


@pytest.mark.parametrize(("name", "value"), [("capabilities", "CAP_KILL"), ("drop", "CAP_SETUID,CAP_CHOWN")])
def test_what_is_taken_although_a_program_imports_it_is_in_doubt(name: str, value: str) -> None:
    assert "sshd (setuid)" in doubted(name, value, known(SSHD))
    assert "sshd" not in doubted(name, "CAP_SETUID,CAP_SETGID" if name == "capabilities" else "CAP_MKNOD", known(CRON))
    assert doubted(name, value, known(SSHD, user="1000")) == "", "nothing of it counts for another user"


def test_what_can_not_be_looked_into_is_in_doubt() -> None:
    assert "python3" in doubted("drop", "CAP_CHOWN", known(UNKNOWN))
    assert doubted("drop", "CAP_MKNOD,CAP_NET_RAW", known(UNKNOWN)) == ""
    assert doubted("drop", "CAP_SYS_ADMIN", known(UNKNOWN)) == "", "it was not given that"
    assert "CHOWN" in doubted("drop", "CAP_CHOWN", known())
    script = Program("/entry", opaque=True, script=True)
    assert doubted("drop", "CAP_CHOWN", known(script, Program("/usr/bin/memcached", ("listen",)))) == ""
    part = replace(known(CRON), programs=Programs((CRON,), (), whole=False))
    assert "CHOWN" in doubted("drop", "CAP_CHOWN", part)


def test_programs_that_give_rights_are_in_doubt_where_someone_may_call_them() -> None:
    assert doubted("no-new-privileges", "on", replace(known(NETWORK), set_uid=("/usr/bin/su",))) == ""
    assert "sudo" in doubted("no-new-privileges", "on", known(SSHD, set_uid=RIGHTS))
    exim = Program("/usr/sbin/exim4", ("setuid",))
    assert "exim4" in doubted("no-new-privileges", "on", replace(known(exim), set_uid=("/usr/sbin/exim4",)))


def test_another_user_is_in_doubt_for_who_becomes_others_on_request() -> None:
    assert "cron" in doubted("user", "1000", known(CRON))
    assert doubted("user", "1000", replace(known(CRON), users=(("worker", 101),))) == "", "it did so at its start"
    assert doubted("user", "1000", known(NETWORK)) == ""
