"""A gathering takes from the programme what it is, and who of its people must come."""

from pathlib import Path

import pytest
from engine_cases import ROLES, RoleGiven
from gathering_cases import KEY, attendee, invited, world_with

from traject.store import Store


def test_a_gathering_takes_over_what_its_step_says(store: Store, database_url: str, tmp_path: Path) -> None:
    more = (
        "theme: muziek\nseries: cursus\ncapacity: 12\nthanks: Dank.\nmaterials: https://hart.example/muziek"
    )
    world = world_with(store, database_url, tmp_path, more)
    invited(world)
    found = world.gathering(KEY)
    assert (found.theme, found.series, found.capacity) == ("muziek", "cursus", 12)
    assert found.materials_url == "https://hart.example/muziek"


@pytest.mark.parametrize(
    ("more", "required"),
    [
        pytest.param("", {"fatima", "jan", "s.vos"}, id="without a capacity everybody"),
        pytest.param("capacity: 9", {"s.vos"}, id="else the staff"),
        pytest.param("capacity: 9\nrequired: [coordinator]", {"fatima"}, id="or whom the programme names"),
    ],
)
def test_who_must_come_is_invited_as_required_and_the_others_as_optional(
    store: Store, database_url: str, tmp_path: Path, more: str, required: set[str]
) -> None:
    world = world_with(store, database_url, tmp_path, more)
    invited(world)
    roles = {
        mail.to_email.split("@")[0]: attendee(mail).parameter("ROLE") for mail in world.mails("invitation")
    }
    assert roles == {
        name: "REQ-PARTICIPANT" if name in required else "OPT-PARTICIPANT"
        for name in ("fatima", "jan", "s.vos")
    }
    assert {name for name in roles if world.invitation(KEY, _address(name)).is_required} == required


def test_whoever_holds_two_roles_must_come_when_one_of_them_must(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    head = RoleGiven("directeur", "Fatima Çelik", "fatima@school.example")
    roles = tuple(head if role.role == "directeur" else role for role in ROLES)
    world = world_with(store, database_url, tmp_path, "capacity: 9\nrequired: [directeur]", roles=roles)
    invited(world)
    assert world.invitation(KEY, "fatima@school.example").is_required


def _address(name: str) -> str:
    return f"{name}@{'hart' if name == 's.vos' else 'school'}.example"
