"""Until when an automatic answer says that somebody is away; no date rather than a wrong one."""

from datetime import date, datetime, timedelta

import pytest
from answering import World, build, events
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from calendars.away import LONGEST_STAY, away_until
from models import Person
from traject.inbox import add_mail
from traject.settings import Settings
from traject.store import Store

SENT = date(2026, 12, 18)  # a Friday

SAID = {
    "Ik ben afwezig tot en met 5 januari.": date(2027, 1, 5),
    "Ik ben afwezig t/m dinsdag 5 januari 2027.": date(2027, 1, 5),
    "Van 21 december t/m 3 januari heb ik vakantie.": date(2027, 1, 3),
    "Ik ben met verlof tot 4 jan. Daarna lees ik je mail.": date(2027, 1, 4),
    "De school is gesloten tot en met 03-01-2027.": date(2027, 1, 3),
    "Wegens vakantie ben ik weer bereikbaar vanaf maandag 4 januari.": date(2027, 1, 3),
    "Vanaf 4 januari ben ik er weer. Nu ben ik op vakantie.": date(2027, 1, 3),
    "Ik ben afwezig t/m vrijdag 1 januari en op maandag 4 januari weer terug.": date(2027, 1, 3),
    "I am out of the office until January 5th.": date(2027, 1, 5),
    "I am on leave through Jan 5, 2027 with no access to mail.": date(2027, 1, 5),
    "I'm away and will be back on Monday 4 Jan.": date(2027, 1, 3),
    "I am out of office, returning on January 4th, 2027.": date(2027, 1, 3),
    "Out of office from 21 December to 3 January.": date(2027, 1, 3),
    "I am away until 2027-01-05.": date(2027, 1, 5),
    "I am on holiday until 25/12/2026.": date(2026, 12, 25),
    "Ich bin bis 05.01.2027 nicht im Büro.": date(2027, 1, 5),
    "Ich bin vom 21.12. bis zum 5. Januar im Urlaub.": date(2027, 1, 5),
    "Ich bin abwesend und ab dem 4. Januar wieder erreichbar.": date(2027, 1, 3),
    "Je suis absente jusqu'au 5 janvier 2027 inclus.": date(2027, 1, 5),
    "Je suis en congé du 21 décembre au 3 janvier.": date(2027, 1, 3),
    "Je suis absent, de retour le lundi 4 janvier.": date(2027, 1, 3),
    "Ik ben afwezig tot en met 5 januari. I am away until January 5th.": date(2027, 1, 5),
    "Ik ben afwezig tot en\nmet 5 januari.": date(2027, 1, 5),
    "Ik ben weer aanwezig op maandag.": date(2026, 12, 20),
    "Ik ben met verlof. Ik ben maandag weer op kantoor.": date(2026, 12, 20),
    "Ik ben vandaag afwezig. Morgen ben ik er weer.": date(2026, 12, 18),
    "I am away and back on Monday.": date(2026, 12, 20),
    "Ich bin im Urlaub und am Freitag wieder im Büro.": date(2026, 12, 24),
    "Afwezig tm 5 januari": date(2027, 1, 5),
    "Ik ben er niet van 1 tot en met 5 januari.": date(2027, 1, 5),
    "Afwezig 21 december - 3 januari": date(2027, 1, 3),
    "Maandag 4 januari ben ik weer aanwezig. Nu ben ik afwezig.": date(2027, 1, 3),
    "Ik ben op vakantie en keer 4 januari terug.": date(2027, 1, 3),
    "Ik heb vakantie tot aan 5 januari.": date(2027, 1, 5),
    "Ik ben weer op school op maandag 04-01-2027.": date(2027, 1, 3),
    "Ik ben afwezig t/m 5 januari. Bel anders Piet (aanwezig tot 15.00 uur).": date(2027, 1, 5),
    "Ik ben afwezig t/m 5 januari. Bel anders Piet, die er tot 15.10 uur is.": date(2027, 1, 5),
}

NOT_SAID = [
    "Ik ben afwezig.",
    "Ik ben afwezig tot nader order.",
    "Ik ben afwezig en over twee weken op maandag weer terug.",
    "Ik ben volgende week maandag weer terug van verlof.",
    "Ik ben afwezig. Op dinsdag en donderdag ben ik weer aanwezig.",
    "Ik ben afwezig en lees je mail weer zo snel mogelijk.",
    "Ik ben maandag weer op school, of op dinsdag weer thuis bereikbaar.",
    "I am away until 5/1.",
    "I am away until 1/5/2027.",
    "Ik ben afwezig tot en met maandag 5 januari.",  # a Tuesday
    "Ik ben afwezig tot en met 5 oktober.",
    "Ik ben afwezig tot en met 5 januari 2026.",
    "Ik ben afwezig tot en met 5 januari 2036.",
    "Ik ben afwezig tot en met 31 februari.",
    "Ik ben afwezig tot 4 januari en daarna nog tot 20 januari.",
    "Ik ben afwezig tot en met 24 december, en weer bereikbaar op 11 januari.",
    "Uw vraag is ontvangen; u hoort van ons tot 5 januari.",
    "Ik ben afwezig.\n\nOp 18 december schreef Hart:\nReageren kan tot en met 5 januari.",
    "Ik ben afwezig.\n\n> Reageren kan tot en met 5 januari.",
    "Ik ben afwezig. Bel 023-5 januari.",
]


@pytest.mark.parametrize("text", SAID)
def test_the_day_is_read_in_four_languages(text: str):
    assert away_until("Automatisch antwoord", text, sent_on=SENT) == SAID[text]


@pytest.mark.parametrize("text", NOT_SAID)
def test_no_day_rather_than_a_wrong_one(text: str):
    assert away_until("Automatisch antwoord", text, sent_on=SENT) is None


def test_the_subject_says_it_too():
    assert away_until("Afwezig t/m 3 januari: Studiemiddag", "Groet, Noor", sent_on=SENT) == date(2027, 1, 3)


FORMS = (
    "Ik ben afwezig tot en met {0.day}-{0.month}-{0.year}.",
    "Ich bin bis {0.day}.{0.month}.{0.year} abwesend.",
    "I am away until {0:%Y-%m-%d}.",
    "I am away until {0:%B} {0.day}, {0.year}.",
    "I am away until {0:%A} {0.day} {0:%b} {0.year}.",
)


@given(st.integers(0, LONGEST_STAY.days), st.sampled_from(FORMS))
def test_every_day_of_the_coming_year_is_read_as_it_is_written(ahead: int, form: str):
    on = SENT + timedelta(days=ahead)
    assert away_until("", form.format(on), sent_on=SENT) == on


words = st.sampled_from(
    [
        "tot",
        "t/m",
        "until",
        "bis",
        "back",
        "on",
        "terug",
        "op",
        "afwezig",
        "away",
        "5",
        "januari",
        "Jan",
        "1st",
        "31",
        "2027",
        "04.01.",
        "5/1",
        "maandag",
        "99",
        ".",
        "\n",
        "from",
        "to",
        "12-31-2026",
    ]
)


@given(st.lists(words, max_size=30).map(" ".join))
def test_whatever_is_written_the_day_is_near_or_there_is_none(text: str):
    found = away_until("", text, sent_on=SENT)
    assert found is None or SENT <= found <= SENT + LONGEST_STAY


def test_a_long_text_takes_no_long_time():
    assert away_until("", "afwezig tot " * 200_000 + "from " * 100_000 + " " * 100_000, sent_on=SENT) is None


# In the inbox


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


ANSWER = """\
From: {sender}
To: cmk@hart.example
Subject: Automatisch antwoord: Studiemiddag
Auto-Submitted: auto-replied
{headers}Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Ik ben met verlof tot en met {day}.
"""


def answer(day: str = "5 oktober", sender: str = "fatima@school.example", headers: str = "") -> bytes:
    return ANSWER.format(sender=sender, day=day, headers=headers).replace("\n", "\r\n").encode()


def away(store: Store) -> date | None:
    with store.read() as session:
        return session.exec(select(Person.away_until).where(Person.email == "fatima@school.example")).one()


def test_who_is_away_until_when_is_kept_with_the_person(
    store: Store, settings: Settings, now: datetime, world: World
):
    outcome = add_mail(store, settings, answer(), now, now)
    assert (outcome.kind, outcome.outcome) == ("auto-reply", "ignored")
    assert outcome.why == "automatisch antwoord (Auto-Submitted: auto-replied); weg tot en met 05-10-2026"
    assert away(store) == date(2026, 10, 5)
    assert events(store) == ["person.away"]


def test_an_answer_of_html_alone_is_read_too(store: Store, settings: Settings, now: datetime, world: World):
    html = answer("<b>5 oktober</b><br>").replace(b"text/plain", b"text/html")
    assert add_mail(store, settings, html, now, now).why.endswith("weg tot en met 05-10-2026")
    assert away(store) == date(2026, 10, 5)


def test_of_two_answers_in_either_order_the_last_day_counts(
    store: Store, settings: Settings, now: datetime, world: World
):
    for day in ("12 oktober", "5 oktober"):
        add_mail(store, settings, answer(day), now, now)
    assert away(store) == date(2026, 10, 12)
    assert events(store) == ["person.away"]


@pytest.mark.parametrize(
    "mail",
    [
        answer(sender="vreemd@x.example"),
        answer(headers="Authentication-Results: mx; dmarc=fail\n"),
        answer("5 augustus"),
    ],
    ids=["a stranger", "forged", "the past"],
)
def test_nobody_is_away_by_what_cannot_be_believed(
    store: Store, settings: Settings, now: datetime, world: World, mail: bytes
):
    assert add_mail(store, settings, mail, now, now).outcome == "ignored"
    assert (away(store), events(store)) == (None, [])
