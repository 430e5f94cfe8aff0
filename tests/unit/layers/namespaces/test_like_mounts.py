"""Like containers share one judgement of their mounts: it is the one that each would get alone."""

from __future__ import annotations

from random import Random

from stratascope import bounded_cache
from stratascope.core.container import Asked, AskedMount, Container
from stratascope.layers.namespaces.mounts import MountView, judged, view_of
from stratascope.linux.mounts import visible_of
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, container

ONE, OTHER = "ab" * 32, "cd" * 32
# {id}: the container's own, {other}: another one's; {dev}: a file system of its own, {number}: of its image
ROOTS = ("/", "/null", "/lib/{id}/hosts", "/lib/{other}/hosts", "/{id}", "/docker/{id}", "/etc", "/7",
         "/{id}/.empty-directory", "/.empty-directory", "/volumes/data/_data", "/containers/{id}/hosts")  # fmt: skip
TARGETS = ("/", "/proc", "/proc/sys", "/proc/kcore", "/sys", "/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/firmware",
           "/dev", "/dev/null", "/dev/sda", "/dev/shm", "/dev/console", "/etc/hosts", "/data", "/data/more", "/run",
           "/run/docker.sock", "/sbin/docker-init", "/host/sys/fs/cgroup")  # fmt: skip
DEVICES = ("254:0", "0:26", "0:6", "{dev}", "{more}")
KINDS = ("ext4", "overlay", "tmpfs", "proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "ramfs")
ROOT = ("{dev}", "/", "/", "rw", "", "overlay", "none", "rw,lowerdir=/{number}")
OPTIONS, OPTIONAL = ("ro", "rw,nosuid", "rw,nodev"), ("", " shared:1", " master:9")
SOURCES, OF_ALL = ("none", "shm", "{number}"), ("rw", "ro,size=4k", "rw,size=4k", "rw,lowerdir=/{number}")
FIELDS = (DEVICES, ROOTS, TARGETS, OPTIONS, OPTIONAL, KINDS, SOURCES, OF_ALL)


def listed(lines: list[tuple[str, ...]], name: str, number: int) -> str:
    """The kernel's list for the container of that id."""
    words = {"id": name, "other": OTHER if name == ONE else ONE, "dev": f"0:{number}", "more": f"0:{number + 1}"}
    places = {line[2]: place for place, line in enumerate(lines)}
    text = "".join(
        f"{number + place} {number + parent(places, target)} {device} {root} {target} {options}{optional}"
        f" - {kind} {source} {of_all}\n"
        for place, (device, root, target, options, optional, kind, source, of_all) in enumerate(lines)
    )
    return text.replace("{number}", str(number)).format(**words)


def parent(places: dict[str, int], target: str) -> int:
    """Where the mount is that this one is on; before the first for the root directory."""
    above = (target[:at] or "/" for at in range(len(target) - 1, -1, -1) if target[at] == "/")
    return -1 if target == "/" else next(places[each] for each in above if each in places)


def alone(text: str, owner: Container) -> MountView:
    seen = visible_of(text)
    return replace(judged(seen, owner.id, owner.asked.mounts, around()), listed=text, changed=())


def test_it_is_what_each_would_get_alone() -> None:
    """Many pairs of containers, with one thing of one mount changed. hypothesis draws a tenth of them in that time."""
    draw = Random(29)
    for _ in range(10_000):
        lines = [tuple(map(draw.choice, FIELDS)) for _ in range(draw.randrange(1, 4))]
        targets = [line[2] for line in lines]
        wishes = tuple(wish(draw, targets) for _ in range(draw.randrange(3)))
        one = replace(container(Asked(mounts=wishes)), id=ONE)
        two = replace(one, id=OTHER, asked=Asked(mounts=draw.choice((wishes, wishes[1:], (wish(draw, targets),)))))
        bounded_cache.forget()
        view_of(listed([ROOT, *lines], ONE, 400), one, around())
        at = draw.randrange(len(FIELDS))
        other = (*lines[0][:at], draw.choice(FIELDS[at]), *lines[0][at + 1 :])
        text = listed([ROOT, other, *lines[1:]], OTHER, 900)
        assert view_of(text, two, around()) == alone(text, two)


def wish(draw: Random, targets: list[str]) -> AskedMount:
    kind, source = draw.choice(("bind", "volume", "tmpfs")), draw.choice(("/etc", "/run", "/sys/fs/cgroup"))
    return AskedMount(kind, source, draw.choice(targets), draw.random() < 0.5)


def test_what_one_container_alone_has_is_not_another_ones() -> None:
    """The same text is of its own in one, and the host's in the other."""
    text = listed([ROOT, ("254:0", "/lib/{id}/hosts", "/data", "rw", "", "ext4", "none", "rw")], ONE, 400)
    one = replace(container(), id=ONE)
    two = replace(one, id=OTHER)
    assert view_of(text, one, around()).host_paths == ()
    assert [path.target for path in view_of(text, two, around()).host_paths] == ["/data"]
    assert view_of(text, two, around()) == alone(text, two)


def test_another_host_judges_anew() -> None:
    text = listed([ROOT, ("0:77", "/", "/data", "rw", "", "ext4", "/dev/sdb", "rw")], ONE, 400)
    one = container()
    before = view_of(text, one, around())
    known = replace(GROUND, mounts=(*GROUND.mounts, ("0:77", "/", "/srv")))
    assert view_of(text, one, around(ground=known)).host_paths != before.host_paths
    bounded_cache.forget()
    assert view_of(text, one, around()) == before
