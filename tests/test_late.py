"""After a stop of days the first heartbeat may come on a Sunday: what was due meanwhile still goes in sending hours."""

from datetime import datetime, timedelta

import pytest
from engine_cases import local
from test_outbox import a_message, next_of, put

from models.enums import MessageKind
from traject.late import wait_for_hours
from traject.settings import Settings
from traject.store import Store

FRIDAY, SUNDAY, MONDAY = local(2026, 9, 11, 9), local(2026, 9, 13, 7), local(2026, 9, 14, 8)


def test_what_was_due_while_nothing_ran_waits_for_the_sending_hours(store: Store, settings: Settings):
    [late] = put(store, a_message(FRIDAY, next_attempt_at=FRIDAY))
    assert wait_for_hours(store, settings, SUNDAY) == 1
    assert next_of(store, late) == MONDAY
    assert wait_for_hours(store, settings, SUNDAY) == 0
    assert wait_for_hours(store, settings, MONDAY) == 0


@pytest.mark.parametrize(
    ("at", "values"),
    [
        pytest.param(local(2026, 9, 11, 16), {}, id="in sending hours"),
        pytest.param(SUNDAY, {"kind": MessageKind.CANCELLATION}, id="news that goes at any hour"),
        pytest.param(SUNDAY, {"attempts": 1}, id="what the server put off"),
        pytest.param(SUNDAY, {"expires_at": MONDAY - timedelta(minutes=30)}, id="what is useless by then"),
        pytest.param(SUNDAY, {"next_attempt_at": SUNDAY - timedelta(minutes=5)}, id="what has its turn now"),
    ],
)
def test_what_does_not_wait(store: Store, settings: Settings, at: datetime, values: dict[str, object]):
    given = {"next_attempt_at": FRIDAY} | values
    [message] = put(store, a_message(FRIDAY, **given))
    assert wait_for_hours(store, settings, at) == 0
    assert next_of(store, message) == given["next_attempt_at"]
