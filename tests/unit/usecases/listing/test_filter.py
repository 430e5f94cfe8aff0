"""Which containers the filter finds, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import msg
from stratascope.core.sandbox import Group, Sandbox
from stratascope.i18n.translate import translate
from stratascope.usecases.listing.filter import answer, hint, parse
from stratascope.value import replace
from unit.usecases.listing.listed import states

RUNNING_AS_ROOT = {"web", "customer-portal-integration-postgres-replica", "legacy-vpn", "backup", "portainer",
                   "ci-runner", "mail-relay", "api-gateway", "metrics", "grafana", "thumbnailer"}  # fmt: skip


def found(text: str) -> dict[str, str]:
    """The names, and why."""
    query = parse(text)
    answers = {name: answer(query, state) for name, state in states().items()}
    return {
        name: translate(each.reason) if each.reason is not None else "" for name, each in answers.items() if each.found
    }


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("thumb", {"thumbnailer": ""}),
        ("net_admin", {}),  # free text is the name, and nothing else
        ("name:WEB", {"web": ""}),
        ("cap:sys_admin", {"backup": "SYS_ADMIN", "ci-runner": "SYS_ADMIN"}),
        ("cap:net_admin", {"backup": "NET_ADMIN", "legacy-vpn": "NET_ADMIN", "web": "NET_ADMIN, PID 4300"}),
        ("cap:net_admin name:back", {"backup": "NET_ADMIN"}),
        ("user:65534", {"node-exporter": "user 65534"}),
        ("user:33", {"web": "user 33, PID 4300"}),
        ("user:imgproxy", {"thumbnailer": "user imgproxy"}),
        ("project:sho", {"web": "shop"}),
        ("port:8080", {"web": "127.0.0.1:8080 → 80/tcp"}),
        ("port:80", {"web": "127.0.0.1:8080 → 80/tcp"}),
        ("port:443", {"web": "443/tcp, not published"}),
        ("port:9105", {"web": "9100-9109 → 9000-9009/udp"}),
        ("port:9003/udp", {"web": "9100-9109 → 9000-9009/udp"}),
        ("port:9003/tcp", {}),
        ("mount:/etc", {"node-exporter": "/etc → /host/etc", "backup": "/etc → /host/etc"}),
        ("mount:/etc/passwd name:back", {"backup": "/etc → /host/etc"}),  # what is below it is mounted, too
        ("mount:/et/passwd", {}),
        ("mount:docker.sock name:port", {"portainer": "/run/docker.sock → /var/run/docker.sock"}),
        ("seccomp:unconfined", {"backup": "unconfined", "mail-relay": "unconfined"}),
        ("seccomp:default name:web", {"web": "default"}),
        ("image:envoy", {"api-gateway": "localhost/envoy:1.32"}),
        ("label:tier", {"web": "tier=Front end"}),
        ('label:"tier=front end"', {"web": "tier=Front end"}),
        ("label:tier=back", {}),
        ("engine:docker-rootless", {"mail-relay": "docker-rootless"}),
        ("foo:bar", {}),
    ],
)
def test_hits(text: str, hits: dict[str, str]) -> None:
    assert found(text) == hits


def test_a_sandbox_is_found_by_who_made_it_and_what_runs_in_it() -> None:
    state = states()["thumbnailer"]
    sandbox = Sandbox("bwrap-sleep", "bubblewrap", "bubblewrap", Group.OTHER, msg("…"), "sleep", "sleep 3000", 7, 1, ())
    state = replace(state, container=replace(state.container, name="sleep", sandbox=sandbox))
    assert [answer(parse(word), state).found for word in ("BUBBLE", "3000", "sleep", "flatpak")] == [True] * 3 + [False]


def test_root_is_user_0() -> None:
    assert set(found("user:root")) == set(found("user:0")) == RUNNING_AS_ROOT


def test_an_id_is_found_by_how_it_begins() -> None:
    number = states()["web"].container.id
    assert found(number[:8]) == {"web": f"ID {number[:12]}"}


def test_what_could_not_be_read_is_not_known() -> None:
    state = states()["web"]
    unread = replace(state, layers=tuple(replace(layer, facts=None) for layer in state.layers), processes=(),
                     gap=Gap(GapKind.DENIED))  # fmt: skip
    assert answer(parse("cap:net_admin"), unread).found is None
    assert answer(parse("user:0"), unread).found is None
    assert answer(parse("seccomp:unconfined"), unread).found is None
    assert answer(parse("user:0 image:other"), unread).found is False
    assert answer(parse("cap:net_admin"), replace(states()["nightly-report"])).found is False  # it does not run
    assert answer(parse("seccomp:unconfined"), states()["nightly-report"]).found is False
    assert answer(parse("cap:sys_admin"), replace(state, processes=(), unread=3)).found is None


def test_where_names_find_nothing_it_says_what_would() -> None:
    every = states().values()

    def said(text: str) -> str:
        told = hint(parse(text), every)
        return "" if told is None else translate(told)

    assert said("net_admin") == ("No container is named net_admin. Try cap:net_admin.")
    assert "Try image:envoy." in said("envoy")
    assert said("no-such-thing") == said("cap:sys_module") == ""


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    query = parse(text)
    for state in states().values():
        answer(query, state)
    hint(query, states().values())


def test_capabilities_that_were_added() -> None:
    """Beyond the engine's default; all of them are named, as the row's tooltip has room for them."""
    hits = found("cap:added")
    assert {name: hits[name] for name in ("web", "legacy-vpn", "ci-runner")} == {
        "web": "NET_ADMIN, PID 4300", "legacy-vpn": "NET_ADMIN", "ci-runner": "SYS_ADMIN",
    }  # fmt: skip
    assert set(hits) == {"web", "legacy-vpn", "ci-runner", "backup"}
    assert hits["backup"].endswith("BPF, CHECKPOINT_RESTORE")
    said = hint(parse("added"), states().values())
    assert said is not None
    assert translate(said) == "No container is named added. Try cap:added."
