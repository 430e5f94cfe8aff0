"""What is worth trying for a container, by what was seen of it: pure."""

from __future__ import annotations

import pytest

from rig.recorded import recorded
from stratascope.core.container import AskedMount, ProfileKind
from stratascope.core.message import msg
from stratascope.core.observation.imports import Program, Programs
from stratascope.core.observation.observation import Observation, Seen, UsedCall, UsedCapability, UsedPort
from stratascope.core.relaunch.file_owners import Folder
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan
from stratascope.core.relaunch.toggle import Evidence, OwnVolume, Subject, Use
from stratascope.core.threats.states import Exposure, Matrix
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.linux.seccomp_profile import allowed_names
from stratascope.usecases.plan.choices import Resolved
from stratascope.usecases.tighten.tighten import derive
from stratascope.value import replace
from unit.layers.toggle_subjects import facts_of
from unit.usecases.tighten.watched import WEB, container


def values(found: Resolved) -> dict[str, str]:
    """By the toggle's id."""
    return {item.id: item.value for item in found.choices}


def of(seen: Observation | None = WEB, *keep: str, tight: bool = False) -> Resolved:
    """What is derived."""
    return derive(container(seen), lambda text: f"/kept/{len(text)}.json", keep=keep, tight=tight)


def test_the_user_that_it_becomes_and_what_follows() -> None:
    """As that user it needs no capability of root's; the filter is made for all of it."""
    found = values(of())
    assert found["user"] == "33:33"
    assert found["capabilities"] == "none"
    assert found["no-new-privileges"] == "on"
    assert found["memory"] == str(256 << 20)
    assert found["pids"] == "256"
    assert found["seccomp"].startswith("/kept/")


def test_as_root_it_keeps_what_it_used() -> None:
    """Where another user is not wanted, or does not work."""
    assert values(of(WEB, "user"))["capabilities"] == "CAP_SETGID,CAP_SETUID"


def test_what_is_to_be_kept_is_not_touched() -> None:
    """Whatever would be possible."""
    assert not {"seccomp", "memory", "user"} & set(values(of(WEB, "seccomp", "memory", "user")))


def planned(*rows: tuple[str, str, ChangeKind, bool, Use]) -> HardeningPlan:
    changes = tuple(
        Change((choice_of(name, value),), kind, Evidence(use, msg("So it is.")), on)
        for name, value, kind, on, use in rows
    )
    nothing = Matrix((), Exposure(0.0, 0.0, ()))
    return HardeningPlan(changes, tuple(each.choice for each in changes if each.on), nothing, nothing)


def test_what_was_granted_goes_or_stays_as_in_the_plan() -> None:
    """What is used stays, and is told; all else that is on is tried, and what was learned is better than a guess."""
    take, limit = ChangeKind.TAKE_BACK, ChangeKind.LIMIT
    plan = planned(
        ("ulimit-core", "0", take, False, Use.USED),
        ("ipc", "private", take, True, Use.UNKNOWN),
        ("pids", "99", limit, True, Use.UNKNOWN),
        ("publish", "loopback", ChangeKind.UNUSED, False, Use.UNKNOWN),
    )
    found = derive(container(), lambda text: "/kept/1.json", plan)
    assert values(found)["ipc"] == "private"
    assert values(found)["pids"] == "256"
    assert not {"ulimit-core", "publish"} & set(values(found))
    assert dict(found.left)["ulimit-core"] == msg("So it is.")
    kept = derive(container(), lambda text: "/kept/1.json", plan, keep=("ipc",))
    assert "ipc" not in values(kept)


def test_several_users_are_not_one() -> None:
    """A server of logins works as whoever comes."""
    found = values(of(replace(WEB, users=((33, 33), (1000, 1000)))))
    assert "user" not in found
    assert found["capabilities"] == "CAP_SETGID,CAP_SETUID"


def test_whoever_has_jobs_run_there_needs_root() -> None:
    """Also where it was seen becoming just one of them."""
    cron = Programs((Program("/usr/sbin/cron", ("setuid", "setgid", "pam_open_session")),))
    subject = replace(container(), programs=cron)
    assert "user" not in values(derive(subject, lambda text: "/kept/1.json"))
    evidence = choice_of("user", "1000").evidence(subject)
    assert evidence.used
    assert "cron" in translate(evidence.why)


def test_what_it_keeps_on_purpose_it_keeps() -> None:
    """As root it hands them on to itself as another user; as that user it could not. What it has not is not given."""
    seen = replace(WEB, kept=(("CAP_NET_RAW", "web"), ("CAP_SYS_ADMIN", "web")))
    assert values(of(seen, "user"))["capabilities"] == "CAP_SETGID,CAP_SETUID,CAP_NET_RAW"
    assert values(of(seen))["capabilities"] == "none"


def test_rights_that_a_file_gives_need_no_root() -> None:
    """A program with a file capability uses it as whoever it is started by."""
    raw = UsedCapability("CAP_NET_RAW", True, 1, ("pinger",))
    subject = replace(container(replace(WEB, capabilities=(*WEB.capabilities, raw))), set_uid=("/usr/lib/web/pinger",))
    found = values(derive(subject, lambda text: "/kept/1.json"))
    assert found["user"] == "33:33"
    assert found["capabilities"] == "CAP_NET_RAW"


@pytest.mark.parametrize(
    ("imports", "used", "kept"),
    [
        ("setuid setgid chown kill", (), "SETGID SETUID KILL"),  # a proxy: it has no files of others
        ("setuid setgid chown kill", ("CAP_DAC_OVERRIDE",), "SETGID SETUID KILL CHOWN DAC_OVERRIDE"),
        ("setuid setgid chown pam_authenticate pam_open_session", (), "SETGID SETUID CHOWN DAC_OVERRIDE AUDIT_WRITE"),
    ],
)
def test_imports_speak_for_files_of_others_only_where_it_has_some(
    imports: str, used: tuple[str, ...], kept: str
) -> None:
    seen = replace(WEB, capabilities=(*WEB.capabilities, *(UsedCapability(name, True, 1, ("web",)) for name in used)))
    program = Program("/usr/sbin/web", tuple(imports.split()))
    subject = replace(container(seen), programs=Programs((program,)))
    found = values(derive(subject, lambda text: "/kept/1.json", keep=("user",)))
    assert {name.removeprefix("CAP_") for name in found["capabilities"].split(",")} == set(kept.split())


def test_whoever_comes_runs_what_they_like() -> None:
    """Of a server of logins the filter leaves what ordinary programs do, and nothing that opens the kernel."""
    program = Program("/usr/sbin/web", ("pam_authenticate", "pam_open_session", "setuid"))
    found = derive(replace(container(), programs=Programs((program,))), lambda text: "/kept/1.json")
    names = allowed_names(found.files[0][1])
    assert {"chmod", "shmget", "io_submit", "setpriority"} <= names
    assert not {"mount", "keyctl", "io_uring_setup", "ptrace", "bpf"} & names
    assert not {"read-only-root", "user"} & set(values(found))


def test_that_it_could_look_into_others_is_no_reason_to_let_it() -> None:
    """php-fpm imports ptrace for a log of slow requests, which nearly nobody has."""
    program = Program("/usr/sbin/web", ("ptrace", "setpriority"))
    found = derive(replace(container(), programs=Programs((program,))), lambda text: "/kept/1.json")
    names = allowed_names(found.files[0][1])
    assert "setpriority" in names
    assert "ptrace" not in names


def test_a_box_for_sessions_keeps_what_people_do_in_it() -> None:
    """It starts a shell and waits: what is done by hand was not seen. Once somebody did it for us, it counts."""
    idle = replace(WEB, capabilities=(), users=())
    subject = replace(
        container(idle), programs=Programs((Program("/bin/sh", opaque=True),)), users=(("sh", 0), ("sleep", 0))
    )
    subject = replace(subject, container=replace(subject.container, command="tini -- /bin/sh -i"))
    found = values(derive(subject, lambda text: "/kept/1.json"))
    assert not {"user", "capabilities", "no-new-privileges", "read-only-root"} & set(found)
    assert "seccomp" in found
    works = replace(subject, container=replace(subject.container, command="sh -c 'while :; do job; sleep 9; done'"))
    assert values(derive(works, lambda text: "/kept/1.json"))["capabilities"] == "none"
    serving = replace(subject, seen=replace(idle, ports=(UsedPort("tcp", 80, False, True),)))
    assert values(derive(serving, lambda text: "/kept/1.json"))["capabilities"] == "none"
    assert values(derive(subject, lambda text: "/kept/1.json", exercised=True))["capabilities"] == "none"


def test_nobody_in_particular() -> None:
    """What used no right of root at all may be anybody."""
    assert values(of(replace(WEB, capabilities=(), users=())))["user"] == "65534:65534"
    rooted = replace(WEB, capabilities=(UsedCapability("CAP_DAC_OVERRIDE", True, 1, ("web",)),), users=())
    assert "user" not in values(of(rooted))


@pytest.mark.parametrize(
    ("owners", "capability", "user"),
    [
        ((101,), "CAP_DAC_OVERRIDE", "101"),
        ((0, 101), "CAP_DAC_OVERRIDE", "101"),
        ((101, 102), "CAP_DAC_OVERRIDE", None),  # whose?
        ((101,), "CAP_SYS_CHROOT", None),  # root for more than files
        ((0, 101), "CAP_NET_BIND_SERVICE", "65534:65534"),  # it used no right over files
        ((0,), "CAP_DAC_OVERRIDE", None),  # of whom the files of others are is not known
    ],
)
def test_the_user_whose_its_volumes_are(owners: tuple[int, ...], capability: str, user: str | None) -> None:
    """A server as root on the data of another user: it overrides what it would be allowed as that one."""
    seen = replace(WEB, capabilities=(UsedCapability(capability, True, 1, ("web",)),), users=())
    volume = AskedMount("volume", "/volumes/data", "/data", True, volume="data")
    subject = container(seen)
    mounted = replace(subject.container, asked=replace(subject.container.asked, mounts=(volume,)))
    subject = replace(subject, container=mounted)
    found = values(derive(replace(subject, own_volumes=(OwnVolume("/data", owners),)), lambda text: "/kept/1.json"))
    assert found.get("user") == user


def test_a_guess_gives_way_to_what_was_seen() -> None:
    """No limit on memory for what keeps data there, though the strict preset has one."""
    assert "memory" not in values(of(replace(WEB, calls=(UsedCall("x86_64", "openat", 40, ("redis-server",)),))))


def rooted(*owners: int, own: bool = True) -> Subject:
    """One that uses no right of root's, with a volume; who owns what in it."""
    found = container(replace(WEB, capabilities=(), users=()))
    mount = AskedMount("volume", "/volumes/own/_data", "/data", writable=True, volume="own")
    asked = replace(found.container.asked, mounts=(mount,))
    known = dict(facts_of(recorded("lsm/apparmor/docker-default"), found.container))
    facts = (*found.facts, ("usermap", known["usermap"]))
    volumes = (OwnVolume("/data", owners),) if own else ()
    return replace(found, container=replace(found.container, asked=asked), facts=facts, own_volumes=volumes)


def test_its_own_volumes_go_to_its_new_user() -> None:
    """Where files there are root's, and no other container has them."""
    assert values(derive(rooted(0, 33), str))["volume-owner"] == "change"
    assert "volume-owner" not in values(derive(rooted(33), str))
    assert "volume-owner" not in values(derive(rooted(0), str, keep=("user",)))
    assert "volume-owner" not in values(derive(rooted(0), str, keep=("volume-owner",)))
    assert "volume-owner" not in values(derive(rooted(0, own=False), str))


def test_whose_volume_others_have_too_stays_root() -> None:
    """Where its programs could do more than was seen; nobody knows what lies there, and it stays as it is."""
    programs = replace(rooted(0), programs=Programs(()))
    assert values(derive(programs, str))["user"] == "65534:65534"
    assert "user" not in values(derive(replace(rooted(0, own=False), programs=Programs(())), str))


def test_every_choice_says_why() -> None:
    """Learned ones by what was seen, the others by what they do."""
    found = of()
    assert {name for name, _ in found.why} == {item.id for item in found.choices}
    assert "only as root" in dict(found.why)["capabilities"].id


def test_limits_that_the_engine_can_t_set_are_left_out() -> None:
    """One of them refused all the rest: rootless, with control groups of version 1."""
    found = container()
    facts = replace(found.engine.facts, cgroup_version="1")
    rootless = replace(found, engine=replace(found.engine, rootless=True, facts=facts))
    ids = {item.id for item in derive(rootless, lambda text: "/kept.json").choices}
    assert {"seccomp", "capabilities", "no-new-privileges"} <= ids
    assert not {"memory", "pids", "cpus"} & ids


def test_without_a_start_only_what_was_seen_is_known() -> None:
    """The strict settings, but for the capabilities that it was seen using: how much more it uses was not seen."""
    strict, found = values(of(None)), values(of(replace(WEB, seen=Seen(30.0, 0))))
    assert set(found.pop("capabilities").split(",")) == {"CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE"}
    assert strict.pop("capabilities") == "CAP_NET_BIND_SERVICE"
    assert found == strict


def test_tight() -> None:
    """The filter is smaller; all else is the same."""
    wide, tight = of(), of(tight=True)
    assert values(wide).keys() == values(tight).keys()
    assert len(tight.files[0][1]) < len(wide.files[0][1])


DATA = "/var/lib/web"


@pytest.mark.parametrize(
    ("folder", "users", "user", "capabilities"),
    [
        (Folder(DATA, 33, 33, 0o755), (), "33", "none"),  # it is that user's data
        (Folder(DATA, 0, 0, 0o755), (), "65534:65534", "none"),
        (Folder(DATA, 33, 0, 0o775), (), "65534:65534", "none"),  # root's group may write there
        (Folder(DATA, 33, 33, 0o1777), (), "65534:65534", "none"),
        (Folder(DATA, 33, 33, 0o755), (("web", 33),), "65534:65534", "none"),  # who may have written it
    ],
)
def test_where_only_another_user_may_write_it_starts_as_that_user(
    folder: Folder, users: tuple[tuple[str, int], ...], user: str, capabilities: str
) -> None:
    """Root wrote there, so it overrode the mode, whether it was seen doing so again or not."""
    found = container(replace(WEB, capabilities=(), users=()))
    found = replace(found, changes=(f"{DATA}/notes",), folders=(folder,), users=users)
    found_values = values(derive(found, lambda text: "/kept/1.json"))
    assert (found_values["user"], found_values["capabilities"]) == (user, capabilities)


def test_root_keeps_the_right_to_write_where_another_user_may() -> None:
    found = container(replace(WEB, capabilities=(), users=()))
    found = replace(found, changes=(f"{DATA}/notes",), folders=(Folder(DATA, 33, 33, 0o755),))
    kept = derive(found, lambda text: "/kept/1.json", keep=("user",))
    assert values(kept)["capabilities"] == "CAP_DAC_OVERRIDE"


def test_no_filter_is_learned_for_a_sandbox_for_which_it_was_switched_off() -> None:
    """Its start shows no namespace; whoever exercises it shows what it needs."""
    found = container()
    asked = replace(found.container.asked, seccomp=ProfileKind.UNCONFINED)
    programs = Programs((Program("/usr/bin/python3", opaque=True),), installed=("bwrap",))
    sandbox = replace(found, container=replace(found.container, asked=asked), programs=programs)
    assert "seccomp" not in values(derive(sandbox, lambda text: "/kept/1.json"))
    assert "seccomp" in values(derive(sandbox, lambda text: "/kept/1.json", exercised=True))
    other = replace(sandbox, programs=replace(programs, installed=()))
    assert "seccomp" in values(derive(other, lambda text: "/kept/1.json"))
