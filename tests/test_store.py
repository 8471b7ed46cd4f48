"""The store: migrations equal the models, locks hold, a newer database is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlmodel import SQLModel, select

from models import Event, Organisation, RoleHolder
from models.enums import OrganisationKind
from traject.errors import StoreError
from traject.schema import SchemaState, schema_state
from traject.store import MIGRATIONS, Store


def test_the_upgraded_tables_are_those_of_the_models(store: Store):
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_upgrading_twice_changes_nothing(store: Store):
    store.upgrade()
    assert schema_state(store) is SchemaState.CURRENT


def test_a_database_of_the_first_version_keeps_every_row(store: Store):
    with store.write() as session:
        session.add(Organisation(kind=OrganisationKind.SCHOOL, name="De Kleine Wereld"))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    assert schema_state(store) is SchemaState.OLDER
    store.upgrade()
    assert schema_state(store) is SchemaState.CURRENT
    with store.read() as session:
        assert [found.name for found in session.exec(select(Organisation))] == ["De Kleine Wereld"]
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_database_newer_than_the_code_is_refused_with_a_remedy(store: Store):
    with store.engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    with pytest.raises(
        StoreError, match=r"nieuwer dan deze versie van Traject .* werk Traject bij"
    ) as raised:
        store.upgrade()
    assert "newer than this version of Traject" in raised.value.in_language("en")
    assert schema_state(store) is SchemaState.NEWER


def test_a_database_that_cannot_be_reached_says_which(tmp_path: Path):
    store = Store("postgresql+psycopg://nobody@127.0.0.1:1/traject?connect_timeout=1")
    with pytest.raises(
        StoreError, match=r"(?s)127\.0\.0\.1:1/traject.* kan niet worden geopend.*TRAJECT_DATABASE_URL"
    ):
        store.upgrade()


def test_foreign_keys_are_enforced(store: Store):
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.write() as session:
        session.add(
            RoleHolder(trajectory_id=99, role="x", person_id=99, since=datetime(2026, 9, 1, tzinfo=UTC))
        )


def test_an_exception_rolls_back_everything(store: Store):
    with pytest.raises(RuntimeError), store.write() as session:
        session.add(Organisation(kind=OrganisationKind.SCHOOL, name="Halverwege"))
        session.flush()
        raise RuntimeError
    with store.read() as session:
        assert session.exec(select(Organisation)).all() == []


def test_instants_come_back_aware_and_naive_ones_are_refused(store: Store):
    at = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    with store.write() as session:
        session.add(Event(at=at, name="stage.opened"))
    with store.read() as session:
        assert session.exec(select(Event.at)).one() == at
    with pytest.raises(Exception, match="no time zone"), store.write() as session:
        session.add(Event(at=datetime(2026, 1, 1), name="stage.opened"))  # noqa: DTZ001


def test_a_connection_that_rested_is_asked_whether_its_server_still_knows_it(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
):
    store = Store(postgres_database)
    asked: list[object] = []
    ping = store.engine.dialect.do_ping

    def noted(connection: DBAPIConnection) -> bool:
        asked.append(connection)
        return ping(connection)

    monkeypatch.setattr(store.engine.dialect, "do_ping", noted)
    with store.read() as session:
        backend = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
    with store.read() as session:
        assert session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one() == backend
    assert not asked, "just used"
    monkeypatch.setattr("traject.store.RESTED", 0.0)
    admin = create_engine(postgres_database)
    with admin.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
    admin.dispose()
    with store.write() as session:
        assert session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one() != backend
    assert asked
    store.close()
