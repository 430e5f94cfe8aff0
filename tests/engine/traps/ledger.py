"""What came of each trap, as a table: `trap | engines | what happened`, printed at the end of a run of this folder.

The traps and the order are those of the facts about relaunching. A test writes its line with the fixture `told` once
all that it asserts held. What other tests prove already is not tried again: `ELSEWHERE` says where, and
test_table.py that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """Lines of this session: (trap, what happened) to the engines that showed it."""

    lines: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def write(self, trap: str, engine: str, what: str) -> None:
        engines = self.lines.setdefault((trap, what), [])
        if engine not in engines:
            engines.append(engine)

    def table(self) -> list[str]:
        rows = [(trap, ", ".join(engines), what) for (trap, what), engines in self.lines.items()]
        if rows:
            rows += [(trap, "see", where) for trap, where in ELSEWHERE]
        return ["trap | engines | what happened", "--- | --- | ---", *(" | ".join(row) for row in rows)] if rows else []


LEDGER = Ledger()

_LAUNCH, _CALLS = "tests/unit/engines/docker/test_recreate.py", "tests/engine/engines/docker/test_relauncher_calls.py"
_DOCKER, _PODMAN = "tests/engine/engines/docker/test_relauncher.py", "tests/engine/engines/podman/test_relauncher.py"
_UNCHANGED = f"{_DOCKER}::test_unchanged_on_rootful"
_PODMANS = f"{_PODMAN}::test_an_unchanged_relaunch_loses_nothing"
ELSEWHERE: tuple[tuple[str, str], ...] = (
    # Docker: the raw inspect passed back
    ("host name and domain with UTS=host or container:", f"{_LAUNCH}::test_names_that_docker_refuses_are_dropped"),
    ("host name = short id", f"{_LAUNCH}::test_a_host_name_that_is_the_short_id_is_dropped_and_told"),
    ("Config.MacAddress", f"{_LAUNCH}::test_a_dynamic_mac_address_stays_dynamic"),
    ("MAC of a second network", f"{_LAUNCH}::test_the_mac_address_of_a_second_network_is_its_own"),
    ('--entrypoint ""', f"{_LAUNCH}::test_an_entry_point_that_was_taken_away"),
    ('--entrypoint "", on engines', _UNCHANGED),
    ("image tag moved", f"{_CALLS}::test_a_tag_that_moved"),
    ("anonymous volumes pinned", f"{_LAUNCH}::test_volumes_without_a_name_are_pinned"),
    ("an emptied volume", f"{_CALLS}::test_a_volume_that_was_emptied_stays_empty"),
    ("Links as typed", f"{_LAUNCH}::test_links_as_they_were_typed"),
    ("network aliases", f"{_LAUNCH}::test_endpoints_keep_what_was_asked_for_and_lose_what_came_of_it"),
    ("networks beyond the first on an old API", f"{_CALLS}::test_networks_are_connected_one_by_one_on_an_old_api"),
    ("host port chosen by the engine", f"{_LAUNCH}::test_ports_that_the_engine_chose_are_told"),
    ("ContainerIDFile, ConsoleSize", f"{_LAUNCH}::test_stale_fields_are_dropped_and_told"),
    ("CapAdd/CapDrop as typed", f"{_LAUNCH}::test_capabilities_in_other_words_are_no_change"),
    ("ulimits, annotations, seccomp JSON, groups, devices, volume options", _UNCHANGED),
    (
        "dropping privileged, replaced SecurityOpt, MemorySwap",
        "tests/engine/engines/docker/test_relauncher_options.py::test_changed_on_rootful",
    ),
    ("a tmpfs on a bind's target", f"{_CALLS}::test_a_tmpfs_on_a_binds_target_is_refused"),
    (
        "volumes-from",
        "tests/engine/engines/docker/test_relauncher_options.py::test_a_mount_of_another_container_is_left_out",
    ),
    # Podman: an own SpecGenerator
    ("what libpod's inspect loses: sysctls, devices, masks, init, addresses, entries, requires", _PODMANS),
    (
        "static addresses and secrets",
        f"{_PODMAN}::test_static_addresses_and_secrets_come_from_the_command_or_from_generate",
    ),
    ("the OCI configuration can't be read", f"{_PODMAN}::test_an_unreadable_configuration_is_a_reason_to_refuse"),
    (
        "every change in the OCI configuration",
        "tests/engine/engines/podman/test_relauncher_changes.py::test_a_change_is_in_the_new_configuration",
    ),
    ("name conflict on rename", "tests/engine/engines/podman/test_relauncher_calls.py::test_refusals"),
    ("name conflict on rename", f"{_CALLS}::test_refusals"),
    ("limits that a live update ignores", f"{_CALLS}::test_limits_that_rootless_docker_ignores_are_refused"),
)
