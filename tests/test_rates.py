"""How fast mail goes: the providers' limits, what staff are told of them beforehand, and that both agree."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from test_outbox import a_message, put

from traject import pacing
from traject.outbox import accepted, claim
from traject.rates import (
    INVITATIONS,
    MINUTE,
    PRESETS,
    UNLIMITED,
    RatePlan,
    Waiting,
    domain_of,
    duration,
    forecast,
    how_long,
    rate_plan,
)
from traject.settings import Settings
from traject.store import Store

EXCHANGE = PRESETS["exchange-online"]


def lived(store: Store, plan: RatePlan, now: datetime, minutes: int) -> list[tuple[int, str]]:
    """Deliver whenever a minute begins: (minute, domain) of each mail that went."""
    went: list[tuple[int, str]] = []
    for minute in range(minutes):
        at = now + minute * MINUTE
        while True:
            with store.write() as session:
                claimed = claim(session, 4, now=at, plan=plan).messages
                if claimed:
                    accepted(session, [(mail, "250") for mail in claimed], now=at)
            if not claimed:
                break
            went += [(minute, domain_of(mail.to_email)) for mail in claimed]
    return went


def emptied(store: Store) -> Store:
    with store.write() as session:
        session.connection().execute(text("DELETE FROM messages"))
    return store


# The plan


def test_a_provider_sets_the_limits_and_what_is_set_itself_goes_before_it():
    assert rate_plan(Settings()) == UNLIMITED
    assert rate_plan(Settings(mail_provider="exchange-online")) == RatePlan(30, 10_000, 0, 3)
    assert rate_plan(Settings(mail_provider="google-workspace")).per_day == 2_000
    faster = Settings(mail_provider="exchange-online", mail_per_minute=100, mail_per_day=0, mail_per_domain=7)
    assert rate_plan(faster) == RatePlan(100, 0, 7, 3)
    assert rate_plan(Settings(mail_per_minute=12)) == RatePlan(12)
    assert not rate_plan(
        Settings(mail_provider="own-server", mail_per_minute=0, mail_per_domain=0)
    ).is_limited


def test_an_unknown_provider_is_refused_with_those_that_are_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRAJECT_MAIL_PROVIDER", "hotmail")
    with pytest.raises(ValueError, match=r"exchange-online.*google-workspace.*own-server"):
        Settings()


# What staff are told


@pytest.mark.parametrize(
    ("plan", "by_domain", "dutch"),
    [
        (EXCHANGE, {"a.nl": 240}, "Deze 240 uitnodigingen doen er 8 minuten over."),
        (EXCHANGE, {"a.nl": 500, "b.nl": 500}, "Deze 1000 uitnodigingen doen er 34 minuten over."),
        (EXCHANGE, {"a.nl": 1}, "Deze uitnodiging doet er 1 minuut over."),
        # 10,000 on the first day; the other 2,000 after 24 hours, 30 a minute: 67 minutes.
        (EXCHANGE, {"a.nl": 12_000}, "Deze 12000 uitnodigingen doen er 1 dag en 1 uur over."),
        (RatePlan(per_domain=10), {"a.nl": 55, "b.nl": 20}, "Deze 75 uitnodigingen doen er 6 minuten over."),
        (
            UNLIMITED,
            {"a.nl": 3},
            "Deze 3 uitnodigingen gaan zo snel als de mailserver ze aanneemt.",
        ),
    ],
    ids=["8 minutes", "34 minutes", "one", "more than a day allows", "one big receiver", "no limit"],
)
def test_how_long_a_number_of_mails_takes_is_said_beforehand(plan, by_domain, dutch, now: datetime):
    assert how_long(by_domain, plan, now=now, nouns=INVITATIONS).sentence.nl == dutch


def test_what_waits_already_goes_first_and_what_waits_for_later_does_not_count(now: datetime):
    waiting = [Waiting("b.nl", now)] * 60 + [Waiting("b.nl", now + timedelta(days=1))] * 60
    found = how_long({"a.nl": 60}, EXCHANGE, now=now, waiting=waiting)
    assert found.minutes == 4
    assert found.sentence.nl == "Deze 60 mails doen er 4 minuten over, achter 60 andere aan."
    assert found.sentence.en == "These 60 mails take 4 minutes, behind 60 others."


def test_a_day_that_is_used_up_moves_the_rest_to_the_next(now: datetime):
    found = how_long({"a.nl": 10}, RatePlan(per_day=100), now=now, used_today=95)
    assert found.minutes == 24 * 60 + 1


@pytest.mark.parametrize(
    ("minutes", "dutch", "english"),
    [
        (1, "1 minuut", "1 minute"),
        (60, "1 uur", "1 hour"),
        (125, "2 uur en 5 minuten", "2 hours and 5 minutes"),
        (24 * 60, "1 dag", "1 day"),
        (49 * 60 + 3, "2 dagen en 1 uur", "2 days and 1 hour"),
    ],
)
def test_minutes_are_said_as_people_say_them(minutes: int, dutch: str, english: str):
    assert (duration(minutes).nl, duration(minutes).en) == (dutch, english)


# What the outbox does


def test_240_invitations_take_the_8_minutes_that_were_said(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(240)))
    went = Counter(minute for minute, _ in lived(store, EXCHANGE, now, 9))
    assert went == dict.fromkeys(range(8), 30)


def test_a_receiver_with_many_mails_gets_them_spread_and_keeps_nobody_waiting(store: Store, now: datetime):
    big = [a_message(now, to_email=f"p{number}@GROOT.nl") for number in range(25)]
    put(store, *big, *(a_message(now, to_email=f"p@klein{number}.nl") for number in range(12)))
    plan = RatePlan(per_domain=10)
    with store.read() as session:
        said = max(forecast(pacing.waiting(session), plan, now))
    went = lived(store, plan, now, 4)
    assert Counter(went) == {
        (0, "groot.nl"): 10,
        (1, "groot.nl"): 10,
        (2, "groot.nl"): 5,
        **{(0, f"klein{number}.nl"): 1 for number in range(12)},
    }
    assert said == now + 2 * MINUTE


def test_who_waits_for_a_full_receiver_hears_when_to_go_on(store: Store, now: datetime):
    put(store, *(a_message(now, to_email=f"p{number}@groot.nl") for number in range(3)))
    with store.write() as session:
        first = claim(session, 10, now=now, plan=RatePlan(per_domain=2))
    assert (len(first.messages), first.resume_at) == (2, now + MINUTE)


def test_the_daily_limit_rolls_over_mail_by_mail(store: Store, now: datetime):
    plan = RatePlan(per_day=3)
    put(store, *(a_message(now) for _ in range(5)))
    later = now + timedelta(hours=1)
    day = timedelta(days=1)
    with store.write() as session:
        assert len(claim(session, 2, now=now, plan=plan).messages) == 2
    with store.write() as session:
        second = claim(session, 9, now=later, plan=plan)
        accepted(session, [(mail, "250") for mail in second.messages], now=later)
        assert (len(second.messages), second.resume_at) == (1, now + day)
        full = claim(session, 9, now=later + MINUTE, plan=plan)
        assert (full.messages, full.resume_at) == ([], now + day)
    with store.write() as session:
        session.connection().execute(text("UPDATE messages SET state = 'accepted' WHERE attempts > 0"))
        rest = claim(session, 9, now=now + day, plan=plan)
    assert len(rest.messages) == 2


def test_only_one_message_is_claimed_when_only_that_one_is_asked_for(store: Store, now: datetime):
    _, second = put(store, a_message(now), a_message(now))
    with store.write() as session:
        assert [mail.id for mail in claim(session, 9, now=now, only=second).messages] == [second]
        assert claim(session, 9, now=now, only=second).messages == []


DOMAINS = st.sampled_from(["a.nl", "b.nl", "c.nl"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mails=st.lists(st.tuples(DOMAINS, st.integers(0, 4)), max_size=25),
    plan=st.builds(RatePlan, st.integers(0, 6), st.integers(0, 30), st.integers(0, 4)),
)
def test_no_limit_is_ever_passed_and_everything_goes_about_when_it_was_said(
    store: Store, now: datetime, mails: list[tuple[str, int]], plan: RatePlan
):
    put(
        emptied(store),
        *(a_message(now, to_email=f"p@{to}", next_attempt_at=now + at * MINUTE) for to, at in mails),
    )
    with store.read() as session:
        said = forecast(pacing.waiting(session), plan, now)
    went = lived(store, plan, now, 40)
    in_minute, to_domain = Counter(minute for minute, _ in went), Counter(went)
    assert not plan.per_minute or max(in_minute.values(), default=0) <= plan.per_minute
    assert not plan.per_domain or max(to_domain.values(), default=0) <= plan.per_domain
    assert not plan.per_day or len(went) <= plan.per_day
    if not plan.per_day or len(mails) <= plan.per_day:
        assert len(went) == len(mails), "nobody waits for ever"
        last, expected = max((minute for minute, _ in went), default=0), max(said, default=now)
        assert abs(now + last * MINUTE - expected) <= 2 * MINUTE
