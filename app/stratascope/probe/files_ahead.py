"""The files that a container will see which does not run yet: those of the host that are bound in, and its image's.

As the collector looks at them once it runs, by the list of mounts that it is going to have, and with the same limits.
Nothing is started, and what is bound in leads nowhere by a link.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from stratascope.collector import giving_programs, special_files
from stratascope.collector.bound_files import BoundFiles, bound_mounts, opened_on_host, own_mounts, places_on_host
from stratascope.collector.chroot import Files
from stratascope.collector.read import TooLongError, read_file
from stratascope.core.ground import Ahead, IdMaps, SpecialFiles, parse_special
from stratascope.layers.namespaces.mounts import made_for_it
from stratascope.layers.namespaces.predicted_mounts import NO_DEVICE
from stratascope.layers.shared.system_places import VOLUME_ROOT
from stratascope.linux.decode import DecodeError
from stratascope.linux.giving_programs import Access, GivingProgram, GivingPrograms, parse_giving
from stratascope.linux.mounts import UNION, Mount, listed
from stratascope.linux.permissions import UNREAD, BoundMount, Ranges, parse_bound
from stratascope.probe.image_files import add_programs, rules
from stratascope.value import replace

_MISSING = -1
_NOT_MAPPED = -1
_Maps = tuple[Ranges, Ranges]


class FilesAhead:
    """Looks at files, and keeps for a moment what it found of the host's."""

    def __init__(self, engine: int | None = None) -> None:
        """`engine`: the process that makes the containers, whose mounts they show; None, or if it can't be read: those
        of this one.
        """
        self._process = "self"
        if engine is not None:
            with suppress(OSError, TooLongError):
                read_file(f"/proc/{engine}/mountinfo")
                os.close(os.open(f"/proc/{engine}/root/", os.O_PATH | os.O_DIRECTORY))
                self._process = str(engine)
        self._bound = BoundFiles(self._process)

    def look(self, mounts: Sequence[Mount], layers: Sequence[str], maps: IdMaps | None) -> Ahead:
        """`mounts`: those that it is going to have; `layers`: folders of its image, topmost first; `maps`: None if
        programs that give rights are not wanted, which take longer.
        """
        try:
            programs = None if maps is None else self._programs(mounts, layers, maps)
            return Ahead(special=self._special(mounts), bound=self._who_may_write(mounts), programs=programs)
        except (OSError, TooLongError, DecodeError):
            return Ahead()

    def _who_may_write(self, mounts: Sequence[Mount]) -> tuple[BoundMount, ...] | None:
        mountinfo = listed(mounts)
        self._bound.begin()
        _, _, text, *_ = self._bound.read(Files(-1, 0, mountinfo, top=False))
        if text is None:
            return None
        # once it runs, what this process has not mounted itself is taken for the container's own
        ours = bound_mounts(mountinfo, frozenset(mount.device for mount in own_mounts()))
        theirs = bound_mounts(mountinfo, frozenset(mount.device for mount in own_mounts(self._process)))
        unread = (BoundMount(mount.target, (UNREAD,)) for mount in theirs if mount not in ours)
        return (*parse_bound(text), *unread)

    def _of_host(self, mounts: Sequence[Mount], kernels: frozenset[str]) -> Iterator[tuple[Mount, int | None]]:
        """Mounts that show files of the host's, and these as O_PATH; None: they can't be looked at; _MISSING: there are
        none yet.
        """
        own = own_mounts(self._process)
        for mount in mounts:
            if mount.target == "/" or mount.fs_type in kernels or made_for_it(mount):
                continue
            places = places_on_host(mount.device, mount.root, own)
            node = mount.fs_type == "devtmpfs" and mount.target.startswith("/dev/")
            if not places and (node or mount.device != NO_DEVICE):
                continue  # made for it, as in the recorded container
            try:
                place = opened_on_host(places, self._process)
            except FileNotFoundError:
                place = _MISSING
            yield mount, place

    def _special(self, mounts: Sequence[Mount]) -> SpecialFiles:
        """Sockets and nodes, without those of its own /dev."""
        search, whole = special_files.Search(), True
        try:
            for mount, place in self._of_host(mounts, special_files.KERNELS):
                if place is None:
                    whole = whole and mount.fs_type in UNION  # another container's root directory
                elif place != _MISSING and mount.target.startswith(("/proc/", "/sys/")):
                    os.close(place)
                elif place != _MISSING:
                    search.add(place, mount.target)
            found = parse_special("".join(f"{line}\n" for line in search.all()))
        finally:
            search.close()
        return found if whole else replace(found, whole=False)

    def _programs(self, mounts: Sequence[Mount], layers: Sequence[str], maps: IdMaps) -> GivingPrograms | None:
        """Those of the image, and of what is bound in; None if the image, or its ids, are not known."""
        if not layers or maps.image is None or maps.own is None:
            return None
        covered, bound = {mount.target for mount in mounts} - {"/"}, giving_programs.Search()
        for mount, place in self._of_host(mounts, giving_programs.KERNELS):
            if place == _MISSING:
                if VOLUME_ROOT(mount.root):
                    covered.discard(mount.target)  # a new volume gets what the image has there
            elif not giving_programs.without_effect(mount.options):
                bound.elsewhere = covered - {mount.target}
                if place is None:
                    bound.cut = True
                else:
                    bound.below(place, mount.target, "")
            if place is not None and place != _MISSING:
                os.close(place)
        own = giving_programs.Search()
        add_programs(layers, sorted(covered), own)
        found, known = [], own.known | bound.known
        for search, outside in ((own, maps.image), (bound, None)):
            text = "".join(f"{line}\n" for line in search.lines)
            found += [_inside(each, outside, maps.own) for each in parse_giving(text).programs]
        lines, sure = rules(layers, covered, known)
        admitted = parse_giving("".join(f"{line}\n" for line in lines))
        return GivingPrograms(
            tuple(found),
            admitted.admitted,
            tuple((name, _access(each, maps.image, maps.own)) for name, each in admitted.writable),
            whole=sure and not own.cut and not bound.cut,
            inside=True,
        )


def _inside(program: GivingProgram, image: _Maps | None, own: _Maps) -> GivingProgram:
    """With ids as the container has them. `image`: the map by which the image lies on the disk; None: it is none of its
    files.
    """
    return replace(
        program,
        access=_access(program.access, image, own),
        root=program.root and _id(program.root, image and image[0], own[0]),
        folders=tuple(_access(each, image, own) for each in program.folders),
    )


def _access(access: Access, image: _Maps | None, own: _Maps) -> Access:
    uid, gid = (
        _id(number, None if image is None else image[place], own[place])
        for place, number in enumerate((access.uid, access.gid))
    )
    return Access(uid, gid, access.mode)


def _id(outside: int, image: Ranges | None, own: Ranges) -> int:
    """Files of an image are given the same ids inside whichever map a container has; those of the host are not."""
    if image is None:
        return _mapped(outside, ((there, inside, length) for inside, there, length in own))
    inside = _mapped(outside, ((there, inside, length) for inside, there, length in image))
    return inside if any(first <= inside < first + length for first, _, length in own) else _NOT_MAPPED


def _mapped(number: int, ranges: Iterable[tuple[int, int, int]]) -> int:
    return next((to + number - first for first, to, length in ranges if first <= number < first + length), _NOT_MAPPED)
