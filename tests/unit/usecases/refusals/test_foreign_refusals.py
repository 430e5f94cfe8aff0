"""Whatever a container puts into the stream: each refusal is claimed by somebody, and nothing raises."""

from __future__ import annotations

import errno
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rig.core.refusals.moments import EVERY, MAPPED
from rig.recorded import recorded
from stratascope.core.observation.events import (
    Address,
    CapabilityCheck,
    Circumstances,
    Node,
    NodeKind,
    ResolvedPath,
)
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Attempt, AttemptKind
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.linux.capability import CapabilitySet, name_of
from stratascope.linux.mounts import Mount
from stratascope.linux.syscalls import Abi, names
from stratascope.usecases.refusals.explain import claim_of
from unit.layers.surroundings import around, container

_TEXTS = st.text(max_size=30) | st.sampled_from(
    ("/", "//", "/proc/sys/x", "/dev/kmsg", "\udc80", "{path}", "10.0.0.255")
)
_IDS = st.sampled_from((0, 999, 200000, (1 << 32) - 1)) | st.integers(0, (1 << 32) - 1)
_NODES = st.builds(
    Node,
    st.sampled_from(NodeKind),
    st.integers(0, 0o7777),
    _IDS,
    _IDS,
    st.sampled_from(("", "10:200", "::", "9" * 30)),
    st.booleans(),
)
_MOUNTS = st.builds(
    Mount,
    *(st.just(1), st.just(1), _TEXTS, _TEXTS, _TEXTS),
    st.sampled_from(("rw", "ro", "rw,noexec,nosuid,nodev", "")),
    _TEXTS,
    st.sampled_from(("tmpfs", "proc", "nfs4", "overlay", "")),
    _TEXTS,
    st.sampled_from(("rw,size=65536k", "ro", "size=99999999999999999999999k", "")),
)
_FRAMES = st.sampled_from(("link_path_walk", "may_open", "may_delete.part.0", "yama_ptrace_access_check", "", "x" * 99))
_CHECKS = st.builds(
    CapabilityCheck,
    st.integers(0, 63),
    st.sampled_from((0, -1)),
    st.booleans(),
    st.lists(_FRAMES, max_size=4).map(tuple),
)
_PLACES = st.builds(ResolvedPath, _TEXTS, st.none() | _NODES, st.none() | _NODES, st.none() | _MOUNTS)
_BITS = st.none() | st.integers(0, (1 << 64) - 1).map(CapabilitySet)
_SEVERAL = st.lists(_IDS, max_size=5).map(tuple)
_NAMED = [*sorted({name for abi in Abi for name in names(abi).values()}), "", "9999"]
_FAMILIES = st.sampled_from(("inet", "inet6", "unix", "40", ""))


@st.composite
def attempts(draw: Any) -> Attempt:
    checks = draw(st.none() | st.lists(_CHECKS, max_size=3).map(tuple))
    moment = Circumstances(
        draw(st.none() | _IDS),
        draw(st.none() | _IDS),
        draw(st.none() | _SEVERAL | st.tuples(_IDS, _IDS, _IDS, _IDS)),
        draw(st.none() | _SEVERAL),
        draw(_BITS),
        draw(_BITS),
        draw(_BITS),
        draw(st.none() | st.booleans()),
        checks,
        draw(st.none() | _PLACES),
        draw(st.none() | st.builds(Address, _FAMILIES, _TEXTS, st.integers(0, (1 << 32) - 1))),
        draw(st.none() | st.integers(0, 1 << 63)),
        draw(
            st.lists(
                st.tuples(st.sampled_from(("nofile", "as", "fsize", "")), st.integers(0, 1 << 64)), max_size=3
            ).map(tuple)
        ),
    )
    lacked = tuple(sorted({name_of(each.capability) for each in checks or () if each.answer < 0}))
    maps = draw(st.sampled_from((None, (), EVERY, MAPPED)))
    return Attempt(
        draw(st.sampled_from((AttemptKind.CALL, AttemptKind.CALL, *AttemptKind))),
        draw(_TEXTS),
        draw(st.sampled_from((*Abi, ""))),
        draw(st.sampled_from(_NAMED)),
        draw(st.sampled_from(sorted(errno.errorcode)) | st.integers(0, 1 << 64)),
        draw(st.booleans()),
        draw(st.lists(st.integers(0, (1 << 64) - 1), max_size=6).map(tuple)),
        draw(_TEXTS),
        lacked,
        moment,
        tuple(
            draw(
                st.lists(
                    st.sampled_from(("domain=1f blockers=fs.execute", 'apparmor="DENIED"', "", "\x00" * 99)), max_size=2
                )
            )
        ),
        maps,
        maps,
    )


_PROCESS = recorded("lsm/apparmor/docker-default")
_FACTS = {each.id: each.decode(_PROCESS, container(), around()) for each in all_layers()}
_WHO = {FILES, NETWORK, KERNEL, *_FACTS}


@given(attempts())
def test_with_nothing_known_of_the_container(attempt: Attempt) -> None:
    claim = claim_of(attempt, ContainerState(container(), ()), around())
    assert claim.layer in _WHO
    assert translate(claim.what)


@given(attempts())
def test_with_all_known_of_it(attempt: Attempt) -> None:
    for layer in all_layers():
        claim = layer.refused(attempt, _FACTS[layer.id], around())
        if claim is not None:
            assert claim.layer == layer.id
            assert translate(claim.what)


@given(attempts())
def test_a_filter_s_refusal_is_nobody_else_s(attempt: Attempt) -> None:
    """What never began was refused by a filter alone."""
    if attempt.kind is AttemptKind.CALL and not attempt.entered:
        claim = claim_of(attempt, ContainerState(container(), ()), around())
        assert claim.layer in ("seccomp", KERNEL)
