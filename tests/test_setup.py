"""Making the database ready: once, again, and with a programme that changed."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import select

from models import ProgrammeVersion, School, Trajectory
from traject.errors import StoreError
from traject.launch import LaunchError
from traject.programme_file import ProgrammeError
from traject.settings import Settings
from traject.setup import initialise
from traject.store import Store

PROGRAMMES = Path(__file__).parent.parent / "programmes"


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a folder of programmes that may be changed."""
    folder = tmp_path / "programmes"
    (folder / "questionnaires").mkdir(parents=True)
    for file in PROGRAMMES.glob("questionnaires/*.yaml"):
        shutil.copy(file, folder / "questionnaires")
    shutil.copy(PROGRAMMES / "po-nieuw.yaml", folder)
    return settings.model_copy(update={"programmes_dir": folder})


def edit(settings: Settings, old: str, new: str) -> None:
    file = settings.programmes_dir / "po-nieuw.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def launch(store: Store, now: datetime) -> None:
    with store.write() as session:
        version = session.exec(select(ProgrammeVersion)).one()
        session.add(
            Trajectory(
                reference="po-nieuw:x",
                programme_version_id=version.id,
                title="x",
                starts_on=now.date(),
                launched_at=now,
            )
        )


def test_the_first_time_brings_everything_and_the_second_nothing(own: Settings, now: datetime) -> None:
    first, second = initialise(own, now), initialise(own, now)
    assert (len(first.schools.added), first.programmes.added) == (83, ("po-nieuw@1",))
    assert (second.schools.added, second.programmes.unchanged) == ((), ("po-nieuw@1",))


def test_an_empty_place_becomes_a_database(own: Settings, tmp_path: Path, now: datetime) -> None:
    fresh = own.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'new' / 'traject.db'}"})
    assert len(initialise(fresh, now).schools.added) == 83


def test_what_staff_changed_about_a_school_stays(own: Settings, store: Store, now: datetime) -> None:
    initialise(own, now)
    with store.write() as session:
        school = session.exec(select(School).where(School.code == "16LF00")).one()
        school.house_number = "1"
        school.street = "Nieuwe straat"
        session.add(school)
    initialise(own, now)
    with store.read() as session:
        school = session.exec(select(School).where(School.code == "16LF00")).one()
    assert (school.house_number, school.street) == ("1", "Nieuwe straat")


def test_a_changed_programme_replaces_a_version_that_was_never_launched(
    own: Settings, store: Store, now: datetime
) -> None:
    initialise(own, now)
    edit(own, "version: 1", "version: 1 # changed")
    assert initialise(own, now).programmes.replaced == ("po-nieuw@1",)
    with store.read() as session:
        assert "# changed" in session.exec(select(ProgrammeVersion)).one().text


def test_a_changed_programme_whose_version_was_launched_is_refused_with_the_remedy(
    own: Settings, store: Store, now: datetime
) -> None:
    initialise(own, now)
    launch(store, now)
    edit(own, "version: 1", "version: 1 # changed")
    with pytest.raises(
        LaunchError,
        match=r"po-nieuw\.yaml is veranderd, maar versie 1 van ‘po-nieuw’ is al gebruikt.*`version: 2`",
    ):
        initialise(own, now)
    with store.read() as session:
        assert "# changed" not in session.exec(select(ProgrammeVersion)).one().text
    edit(own, "version: 1 # changed", "version: 2")
    assert initialise(own, now).programmes.added == ("po-nieuw@2",)


def test_a_broken_programme_stores_nothing(own: Settings, store: Store, now: datetime) -> None:
    edit(own, "version: 1", "version: one")
    with pytest.raises(ProgrammeError, match=r"po-nieuw\.yaml:\d+: "):
        initialise(own, now)
    with store.read() as session:
        assert session.exec(select(School)).all() == []


def test_a_database_that_is_newer_than_the_code_is_left_alone(
    own: Settings, store: Store, now: datetime
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="nieuwer dan deze versie van Traject"):
        initialise(own, now)
