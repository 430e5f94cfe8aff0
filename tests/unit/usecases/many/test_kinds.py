"""Which containers are alike, which are meant, and in which order they go."""

from __future__ import annotations

from typing import Any

import pytest

from stratascope.core.container import Asked, AskedMount, AskedPort, Container, Status
from stratascope.usecases.listing.alike import by_kind, in_order, of_project, out_of_reach
from stratascope.value import replace

IMAGE = "sha256:" + "a" * 64
SERVICE = "com.docker.compose"


def box(name: str, *, project: str = "", service: str = "", needs: str = "", **more: Any) -> Container:
    labels = ((f"{SERVICE}.project", project), (f"{SERVICE}.service", service), (f"{SERVICE}.depends_on", needs))
    made = Container("docker", name.ljust(64, "0"), name, "nginx", Status.RUNNING, 1, 0.0, 0.0, image_id=IMAGE,
                     labels=tuple(each for each in labels if each[1]))  # fmt: skip
    return replace(made, **more)


def names(found: tuple[Container, ...]) -> list[str]:
    return [each.name for each in found]


def kinds(*containers: Container) -> list[list[str]]:
    return [list(each) for each in by_kind((container, container.name) for container in containers)]


def volume(name: str) -> Asked:
    return Asked(mounts=(AskedMount("volume", f"/volumes/{name}", "/data", True, volume=name),))


def test_what_each_of_them_gets_alone_makes_no_kind() -> None:
    ports = [Asked(ports=(AskedPort("80/tcp", "", number),)) for number in ("8081", "8082")]
    assert kinds(box("a", asked=ports[0]), box("b", asked=ports[1])) == [["a", "b"]]
    assert kinds(box("a", asked=volume("1" * 64)), box("b", asked=volume("2" * 64))) == [["a", "b"]]
    assert kinds(box("a", labels=(("x", "1"),)), box("b")) == [["a", "b"]]


@pytest.mark.parametrize(
    "other",
    [
        {"image_id": "sha256:" + "b" * 64},
        {"command": "sleep"},
        {"init": True},
        {"asked": Asked(privileged=True)},
        {"asked": volume("named")},
        {"asked": Asked(ports=(AskedPort("80/tcp", "127.0.0.1", "80"),))},
        {"engine": "podman"},
    ],
)
def test_other_options_are_another_kind(other: dict[str, Any]) -> None:
    assert kinds(box("a"), box("b", **other), box("c")) == [["a", "c"], ["b"]]


@pytest.mark.parametrize(
    ("labels", "out"),
    [
        ({}, False),
        ({f"{SERVICE}.project": "shop", f"{SERVICE}.project.config_files": "/srv/compose.yaml"}, False),
        ({f"{SERVICE}.project": "shop"}, True),
        ({f"{SERVICE}.project": "shop", f"{SERVICE}.project.config_files": "/a", f"{SERVICE}.oneoff": "True"}, True),
        ({"io.podman.compose.project": "shop"}, True),
    ],
)
def test_whom_compose_can_be_told_to_create_anew(labels: dict[str, str], out: bool) -> None:
    assert out_of_reach(box("a", labels=tuple(labels.items()))) is out


def test_what_is_meant_lives_and_fits_all_that_was_said() -> None:
    web = box("web-1", project="shop", service="web")
    every = (
        web,
        replace(web, name="web-1.old-12345678", status=Status.EXITED),
        box("db", project="shop", service="db", image="docker.io/library/postgres:16"),
        box("other", project="blog", service="web"),
    )
    assert names(of_project(every, project="shop")) == ["web-1", "db"]
    assert names(of_project(every, service="web")) == ["web-1", "other"]
    assert names(of_project(every, project="shop", service="web")) == ["web-1"]
    assert names(of_project(every, image="postgres:16")) == ["db"]
    assert names(of_project(every, image="nginx:latest", project="blog")) == ["other"]
    assert names(of_project(every, image="sha256:aaaaaaaaaaaa")) == ["web-1", "db", "other"]
    assert names(of_project(every, image="postgres")) == []
    assert names(of_project(every, image="aaa")) == []


def test_what_others_depend_on_goes_first_and_numbers_count() -> None:
    shop = [
        box(f"web-{number}", project="shop", service="web", needs="zdb:service_started:false") for number in (10, 2)
    ]
    shop += [box("cache", project="shop", service="cache", needs="zdb:service_healthy:true,web:service_started:true")]
    shop += [box("zdb-1", project="shop", service="zdb"), box("zdb", project="blog", service="zdb")]
    assert names(in_order(shop)) == ["zdb", "zdb-1", "web-2", "web-10", "cache"]


def test_a_circle_is_no_reason_to_wait_forever() -> None:
    circle = [box("a", project="p", service="a", needs="b:x:y"), box("b", project="p", service="b", needs="a:x:y")]
    assert names(in_order(circle)) == ["a", "b"]
