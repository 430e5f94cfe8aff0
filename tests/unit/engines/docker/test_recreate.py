"""Docker's inspect JSON into a create request: what can't be posted back as it is, row by row, and damaged JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.core.container import Asked, Engine, EngineFacts, EngineKind, ProfileKind
from stratascope.core.relaunch.launch_spec import LaunchSpec, RestartPolicy
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.engines.docker import apply_options
from stratascope.engines.docker.mounts import join_bind, split_bind
from stratascope.engines.docker.recreate import EngineAnswers, launch_spec, repointed, with_image
from stratascope.engines.shared.events import plain_log

RECORDED = sorted((CAPTURES / "inspect").glob("docker_*.json"))
ENGINE = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", facts=EngineFacts())
ID = "0123456789ab" + "c" * 52
IMAGE = "sha256:" + "1" * 64


def inspect(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "Id": ID,
        "Name": "/web",
        "Image": IMAGE,
        "State": {"Status": "running", "Pid": 5},
        "Config": {"Hostname": ID[:12], "Image": "web:1", "Cmd": ["serve"], "Entrypoint": None, **(config or {})},
        "HostConfig": {"NetworkMode": "bridge", "IpcMode": "private", **(host or {})},
        "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "9", "IPAddress": "172.17.0.2"}}},
        **top,
    }


def spec(told: dict[str, Any], image: dict[str, Any] | None = None, **around: Any) -> LaunchSpec:
    given = {"image": json.dumps({"Id": IMAGE, "Config": image or {}}), "tagged": IMAGE, **around}
    return launch_spec(json.dumps(told), ENGINE, EngineAnswers(**given))


def body(told: dict[str, Any], image: dict[str, Any] | None = None, **around: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(spec(told, image, **around).body)
    return found


def endpoint(told: dict[str, Any], name: str = "bridge") -> dict[str, Any]:
    found: dict[str, Any] = body(told)["NetworkingConfig"]["EndpointsConfig"][name]
    return found


def on(name: str, said: dict[str, Any]) -> dict[str, Any]:
    return {"Networks": {name: said}}


def words(found: LaunchSpec) -> list[str]:
    return [message.id for message in found.differs]


def test_all_that_is_not_named_is_passed_on_raw() -> None:
    config = {"Env": ["A=1"], "Healthcheck": {"Test": ["NONE"], "StartInterval": 5}, "Shell": ["x"], "Future": {"a": 1}}
    host = {
        "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
        "Annotations": {"a": "b"},
        "DeviceRequests": [{"Count": -1}],
        "GroupAdd": ["1"],
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/n", "CgroupPermissions": "r"}],
        "SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'],
        "CapAdd": ["net_admin"],
        "MaskedPaths": [],
        "FutureHost": [{"x": None}],
    }
    found = body(inspect(config, host))
    assert {key: found[key] for key in config} == config
    assert {key: found["HostConfig"][key] for key in host} == host


def test_what_the_spec_says() -> None:
    host = {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "AutoRemove": True}
    found = spec(inspect({"StopTimeout": 0, "Labels": {"b": "2", "a": "1"}, "User": "app"}, host))
    assert (found.engine, found.kind, found.id, found.name) == ("docker", EngineKind.DOCKER, ID, "web")
    assert (found.image, found.image_id, found.asked.user) == ("web:1", IMAGE, "app")
    assert found.restart == RestartPolicy("on-failure", 3)
    assert (found.auto_remove, found.stop_timeout, found.labels) == (True, 0, (("a", "1"), ("b", "2")))
    assert spec(inspect()).restart == RestartPolicy("no", 0)
    assert spec(inspect()).stop_timeout == spec(inspect({"StopTimeout": -1})).stop_timeout == 10


@pytest.mark.parametrize("host", [{"UTSMode": "host"}, {"NetworkMode": "container:" + "d" * 64}])
def test_names_that_docker_refuses_are_dropped(host: dict[str, Any]) -> None:
    config = {"Hostname": "vm", "Domainname": "example.org", "ExposedPorts": {"80/tcp": {}}}
    found = body(inspect(config, host))
    assert "Hostname" not in found
    assert "Domainname" not in found
    assert ("ExposedPorts" in found) == ("UTSMode" in host)
    assert ("NetworkingConfig" in found) == ("UTSMode" in host)


def test_a_host_name_that_is_the_short_id_is_dropped_and_told() -> None:
    found = spec(inspect())
    assert "Hostname" not in json.loads(found.body)
    assert words(found) == ["Its host name is its short ID, so it gets a new one."]
    assert body(inspect({"Hostname": "mine"}))["Hostname"] == "mine"


def test_the_hosts_name_is_left_to_the_engine() -> None:
    told = inspect({"Hostname": "vm"}, {"NetworkMode": "host"}, NetworkSettings=on("host", {}))
    assert "Hostname" not in body(told, host_name="vm")
    assert "NetworkingConfig" not in body(told)
    assert body(told, host_name="other")["Hostname"] == "vm"


@pytest.mark.parametrize(
    ("config", "said", "expected"),
    [
        ({}, {"MacAddress": "02:42:ac:11:00:02", "IPAddress": "172.17.0.2"}, None),
        ({}, {"MacAddress": "02:42:AC:11:00:02", "IPAddress": "172.17.0.2"}, None),
        ({}, {"MacAddress": "02:42:ac:11:00:03", "IPAddress": "172.17.0.2"}, "02:42:ac:11:00:03"),
        ({}, {"MacAddress": "02:11:22:33:44:55", "IPAddress": "172.17.0.2"}, "02:11:22:33:44:55"),
        ({}, {"MacAddress": "", "IPAddress": ""}, None),
        ({"MacAddress": "02:11:22:33:44:55"}, {"MacAddress": "", "IPAddress": ""}, "02:11:22:33:44:55"),
        ({"MacAddress": ""}, {"MacAddress": "02:42:ac:11:00:02", "IPAddress": "172.17.0.2"}, None),
    ],
)
def test_a_dynamic_mac_address_stays_dynamic(
    config: dict[str, Any], said: dict[str, Any], expected: str | None
) -> None:
    told = inspect(config, NetworkSettings=on("bridge", said))
    assert endpoint(told).get("MacAddress") == expected
    assert "MacAddress" not in body(told)


def test_the_mac_address_of_a_second_network_is_its_own() -> None:
    networks = {
        "one": {"NetworkID": "n1", "IPAddress": "10.0.0.2", "MacAddress": "02:11:22:33:44:55"},
        "two": {"NetworkID": "n2", "IPAddress": "10.1.0.2", "MacAddress": "02:42:0a:01:00:02"},
        "three": {"NetworkID": "n3", "IPAddress": "10.2.0.2", "MacAddress": "02:99:22:33:44:55"},
    }
    for mode in ("one", "n1"):
        told = inspect(
            {"MacAddress": "02:11:22:33:44:55"}, {"NetworkMode": mode}, NetworkSettings={"Networks": networks}
        )
        macs = {name: endpoint(told, name).get("MacAddress") for name in networks}
        assert macs == {"one": "02:11:22:33:44:55", "two": None, "three": "02:99:22:33:44:55"}


@pytest.mark.parametrize(
    ("own", "of_image", "expected"),
    [
        (None, ["/entry"], [""]),
        ([], ["/entry"], [""]),
        (None, None, None),
        (None, [], None),
        (["/own"], ["/entry"], ["/own"]),
    ],
)
def test_an_entry_point_that_was_taken_away(own: Any, of_image: Any, expected: Any) -> None:
    assert body(inspect({"Entrypoint": own}), {"Entrypoint": of_image})["Entrypoint"] == expected


def test_an_image_name_that_means_something_else_by_now() -> None:
    for tagged in ("sha256:" + "2" * 64, ""):
        found = spec(inspect(), tagged=tagged)
        assert json.loads(found.body)["Image"] == IMAGE
        assert any("another image" in word for word in words(found))
    assert body(inspect())["Image"] == "web:1"


def test_an_image_that_is_gone_is_a_reason_to_refuse() -> None:
    found = launch_spec(json.dumps(inspect()), ENGINE, EngineAnswers(image=None, tagged=""))
    assert json.loads(found.body)["Image"] == IMAGE
    assert len(found.lost) == 1
    assert dict(found.lost[0].args)["image"] == "web:1"
    assert spec(inspect()).lost == ()


def volume(target: str, name: str = "v1", *, writable: bool = True) -> dict[str, Any]:
    return {"Type": "volume", "Name": name, "Source": "/s", "Destination": target, "RW": writable}


def test_volumes_without_a_name_are_pinned() -> None:
    told = inspect(
        {"Volumes": {"/a": {}, "/b": {}}},
        {"Binds": ["/c", "named:/d:ro", "/host:/e:ro"], "Mounts": [{"Type": "volume", "Target": "/f"}]},
        Mounts=[
            *(volume(f"/{each}", f"volume-{each}") for each in "acf"),
            volume("/b", "volume-b", writable=False),
            volume("/d", "named", writable=False),
            {"Type": "bind", "Source": "/host", "Destination": "/e", "RW": False},
        ],
    )
    host = body(told)["HostConfig"]
    assert host["Binds"] == [
        "volume-c:/c:nocopy",
        "named:/d:ro,nocopy",
        "/host:/e:ro",
        "volume-a:/a:nocopy",
        "volume-b:/b:ro,nocopy",
    ]
    assert host["Mounts"] == [
        {"Type": "volume", "Target": "/f", "Source": "volume-f", "VolumeOptions": {"NoCopy": True}}
    ]


def test_volume_options_stay_and_other_mounts_are_left_alone() -> None:
    mounts = [
        {
            "Type": "volume",
            "Source": "v1",
            "Target": "/a/",
            "ReadOnly": True,
            "VolumeOptions": {"Subpath": "x", "Labels": {"l": "1"}},
        },
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1}},
        {"Type": "bind", "Source": "/h", "Target": "/h", "BindOptions": {"Propagation": "rslave"}},
    ]
    host = body(inspect(host={"Mounts": mounts}, Mounts=[volume("/a")]))["HostConfig"]
    assert host["Mounts"][0]["VolumeOptions"] == {"Subpath": "x", "Labels": {"l": "1"}, "NoCopy": True}
    assert host["Mounts"][0]["Source"] == "v1"
    assert host["Mounts"][1:] == mounts[1:]
    assert not host.get("Binds")


def test_volumes_of_other_containers_are_not_pinned() -> None:
    told = inspect(host={"VolumesFrom": ["lender"]}, Mounts=[volume("/lent"), volume("/own", "v2")])
    host = body(told, borrowed=frozenset({"/lent"}))["HostConfig"]
    assert host["Binds"] == ["v2:/own:nocopy"]
    assert host["VolumesFrom"] == ["lender"]


def test_pinned_volumes_outlive_a_container_that_removes_itself() -> None:
    told = inspect(host={"AutoRemove": True}, Mounts=[volume("/own")])
    assert any("stay when" in word for word in words(spec(told)))
    named = inspect(host={"AutoRemove": True, "Binds": ["v1:/own"]}, Mounts=[volume("/own")])
    assert not any("stay when" in word for word in words(spec(named)))


def test_links_as_they_were_typed() -> None:
    host = {"Links": ["/dep:/me/alias", "/deep-er:/me/deep-er", "dep:plain"]}
    assert body(inspect(host=host))["HostConfig"]["Links"] == ["dep:alias", "deep-er:deep-er", "dep:plain"]


def test_endpoints_keep_what_was_asked_for_and_lose_what_came_of_it() -> None:
    said = {
        "IPAMConfig": {"IPv4Address": "10.0.0.9", "LinkLocalIPs": ["169.254.1.1"]},
        "Links": ["dep:x"],
        "Aliases": ["web", ID[:12]],
        "DriverOpts": {"a": "b"},
        "GwPriority": 3,
        "NetworkID": "n",
        "EndpointID": "e",
        "Gateway": "10.0.0.1",
        "IPAddress": "10.0.0.9",
        "IPPrefixLen": 24,
        "DNSNames": ["web"],
    }
    told = inspect(host={"NetworkMode": "one"}, NetworkSettings=on("one", said))
    kept = {key: said[key] for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority")}
    assert endpoint(told, "one") == {**kept, "Aliases": ["web"]}


@pytest.mark.parametrize("mode", ["host", "none"])
def test_no_endpoints_without_a_network(mode: str) -> None:
    told = inspect(host={"NetworkMode": mode}, NetworkSettings=on(mode, {"NetworkID": "n"}))
    assert "NetworkingConfig" not in body(told)


def test_ports_that_the_engine_chose_are_told() -> None:
    bindings = {"80/tcp": [{"HostIp": "", "HostPort": ""}], "81/tcp": [{"HostIp": "", "HostPort": "81"}]}
    found = spec(inspect(host={"PortBindings": bindings}))
    told = [message for message in found.differs if "chose the host port" in message.id]
    assert [dict(message.args) for message in told] == [{"ports": "80/tcp"}]
    exposed = spec(inspect({"ExposedPorts": {"99/udp": {}}}, {"PublishAllPorts": True}))
    assert any("chose the host port" in word for word in words(exposed))


def test_stale_fields_are_dropped_and_told() -> None:
    found = spec(inspect(host={"ContainerIDFile": "/run/web.cid", "ConsoleSize": [24, 80]}))
    host = json.loads(found.body)["HostConfig"]
    assert "ContainerIDFile" not in host
    assert "ConsoleSize" not in host
    assert any("{path}" in word for word in words(found))


def test_capabilities_in_other_words_are_no_change() -> None:
    found = spec(inspect(host={"CapAdd": ["net_admin"], "CapDrop": ["all"]}))
    assert found.asked.cap_add == ("CAP_NET_ADMIN",)
    assert apply_options.body(found, found.asked) == found.body


def test_another_image() -> None:
    found = spec(inspect())
    assert json.loads(with_image(found.body, "sha256:x")) == {**json.loads(found.body), "Image": "sha256:x"}


def test_others_that_it_needs_under_their_new_ids() -> None:
    old, new, other = "a" * 64, "b" * 64, "c" * 64
    host = {
        "NetworkMode": f"container:{old}",
        "PidMode": f"container:{old}",
        "IpcMode": f"container:{other}",
        "Links": ["/web:/me/peer", "/db:/me/db"],
        "VolumesFrom": [old],
    }
    found = json.loads(repointed(spec(inspect(host=host)).body, {old: new, "web": new}))["HostConfig"]
    assert found["NetworkMode"] == found["PidMode"] == f"container:{new}"
    assert found["IpcMode"] == f"container:{other}"
    assert found["Links"] == [f"{new}:peer", "db:db"]
    assert found["VolumesFrom"] == [old]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_containers_become_requests(path: Path) -> None:
    found = launch_spec(path.read_text(), ENGINE, EngineAnswers(image="{}", tagged=""))
    request = json.loads(found.body)
    told = json.loads(path.read_text())
    for key in told["HostConfig"].keys() - {"ContainerIDFile", "ConsoleSize", "Binds", "Mounts", "Links"}:
        assert request["HostConfig"][key] == told["HostConfig"][key]
    assert apply_options.body(found, found.asked) == found.body


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"Id":"x"}', '{"Id":"x","Config":{},"HostConfig":{}}', '{"Id":"x","Config":[]}',
     '{"Id":"x","Config":{"a":1},"HostConfig":{"Mounts":[1]}}', '{"Id":5}',
     '{"Id":"x","Config":{"a":1},"HostConfig":{"Mounts":[{"Target":1}]}}',
     '{"Id":"x","Config":{"a":1},"HostConfig":{"Mounts":[{"VolumeOptions":"x"}]}}',
     '{"Id":"x","Config":{"a":1},"HostConfig":{"Links":"x"}}'],
)  # fmt: skip
def test_damaged_json(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        launch_spec(text, ENGINE, EngineAnswers(image="{}", tagged=""))


KEYS = (
    *("Id", "Config", "HostConfig", "Mounts", "Type", "Name", "Destination", "Target", "Binds", "Links", "Networks"),
    *("NetworkSettings", "Tmpfs", "Aliases", "Ulimits", "MacAddress", "IPAddress", "NetworkMode", "PortBindings"),
    *("HostIp", "HostPort", "Image", "Entrypoint", "VolumeOptions", "AutoRemove"),
)
KEY = st.sampled_from(KEYS)
LEAF = st.none() | st.booleans() | st.integers(-3, 99) | st.text(max_size=4) | st.sampled_from(["a:b:c", "/x", ":"])
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4))


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({"Id": st.just(ID), "Config": st.dictionaries(KEY, VALUE, min_size=1)}),
    st.dictionaries(KEY, VALUE, min_size=1),
    st.dictionaries(KEY, VALUE),
)
def test_only_value_errors_come_out(top: dict[str, Any], host: dict[str, Any], more: dict[str, Any]) -> None:
    told = {**more, **top, "HostConfig": host}
    try:
        found = launch_spec(json.dumps(told), ENGINE, EngineAnswers(image='{"Config":{"Entrypoint":["x"]}}', tagged=""))
    except ValueError:
        return
    assert isinstance(json.loads(found.body)["HostConfig"], dict)


@pytest.mark.parametrize(
    ("bind", "parts"),
    [
        ("/a", ("", "/a", ())),
        ("/a:/b", ("/a", "/b", ())),
        ("name:/b:ro,z", ("name", "/b", ("ro", "z"))),
        ("/a:/b:", ("/a", "/b", ())),
    ],
)
def test_binds(bind: str, parts: tuple[str, str, tuple[str, ...]]) -> None:
    assert split_bind(bind) == parts
    assert join_bind(*parts) == bind.rstrip(":")


def test_what_docker_can_not_do_is_refused() -> None:
    found = spec(inspect())
    for wanted in (
        {"uid_map": ((0, 1000, 1),)},
        {"seccomp": ProfileKind.CUSTOM, "seccomp_profile": "/etc/profile.json"},
    ):
        with pytest.raises(ToggleError):
            apply_options.body(found, Asked(**{**_fields(found.asked), **wanted}))


def test_a_daemon_without_a_filter_of_its_own_is_told_the_built_in_one() -> None:
    found = spec(inspect(host={"SecurityOpt": ["seccomp=unconfined"]}))
    wanted = Asked(**{**_fields(found.asked), "seccomp": ProfileKind.DEFAULT})
    for default, options in (
        ("builtin", None),
        ("unconfined", ["seccomp=builtin"]),
        ("/own.json", ["seccomp=builtin"]),
    ):
        request = json.loads(apply_options.body(found, wanted, default))
        assert request["HostConfig"]["SecurityOpt"] == options


def _fields(asked: Asked) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in Asked.__struct_fields__}


def frame(stream: int, text: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize(
    ("body_", "tty", "expected"),
    [
        (b"", False, ""),
        (frame(1, b"out\n") + frame(2, b"err\n"), False, "out\nerr\n"),
        (frame(1, b"cut off")[:-3], False, "cut "),
        (b"plain\r\n", True, "plain\r\n"),
        (b"no frames at all", False, "no frames at all"),
        (frame(1, b"\xff"), False, "\ufffd"),
        (b"\x01", False, ""),
    ],
)
def test_logs(body_: bytes, tty: bool, expected: str) -> None:
    assert plain_log(body_, tty) == expected


def test_a_long_log_keeps_its_end() -> None:
    text = plain_log(frame(1, b"x" * (1 << 20)) + frame(1, b"end"), False)
    assert len(text) == 1 << 18
    assert text.endswith("end")
