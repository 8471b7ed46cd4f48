"""`traject gatherings` as it is typed: who gets what, in both languages and as JSON, and what is refused.

On SQLite alone: what the actions do is tested on both databases where they are.
"""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from answering_by_calendar import send
from engine_cases import World, days, dump
from gathering_cases import KEY
from gatherings_typed import FATIMA, JAN, SAM, Typed, begun, gatherings, mailed, traject, words, world
from sqlmodel import select

from models import Person
from models.enums import AddressState, GatheringState
from traject import nudges

__all__ = ["begun", "gatherings", "traject", "world"]  # fixtures


# Seeing


def test_who_comes_is_shown_with_proposals_absence_and_addresses_that_broke(
    world: World, gatherings: Typed
) -> None:
    now = gatherings.now
    starts_at = world.gathering(KEY).starts_at
    send(
        world,
        "COUNTER",
        JAN,
        now,
        starts_at=starts_at + days(7),
        ends_at=starts_at + days(7) + timedelta(hours=2),
    )
    send(world, "REPLY", FATIMA, now, partstat="ACCEPTED", comment="Zin in!")
    with world.store.write() as session:
        for person in session.exec(select(Person)):
            person.away_until = date(2026, 9, 25)
            if person.email == SAM:
                person.address_state = AddressState.BOUNCED
    shown = gatherings("show", "N")
    assert shown.code == 0
    for part in ("komt", "‘Zin in!’", "stelt voor: dinsdag 6", "adres werkt niet meer", "Reeks: reeks"):
        assert part in words(shown.out)
    assert shown.out.count("weg t/m 25 september") == 2, "who answered is not in doubt"
    assert words(shown.out).endswith(
        "1 komt, 2 geen antwoord, 1 ander moment voorgesteld, 1 adres werkt niet"
    )
    english = gatherings("show", "N", lang="en")
    assert "away until" in words(english.out)
    assert words(english.out).endswith(
        "1 comes, 2 no answer, 1 proposed another time, 1 address does not work"
    )
    given = gatherings("show", "N", "--json").json
    people = {one["email"]: one for one in given["people"]}
    assert {email: one["answer"] for email, one in people.items()} == {
        FATIMA: "ACCEPTED",
        JAN: "NEEDS-ACTION",
        SAM: "NEEDS-ACTION",
    }
    assert people[JAN]["proposed_starts_at"] == "2026-10-06T13:30:00+02:00"
    assert (people[SAM]["address_works"], people[SAM]["away_until"]) == (False, "2026-09-25")
    assert given["answers"]["NEEDS-ACTION"] == 2


def test_what_is_to_come_is_listed_within_days_and_of_one_trajectory(world: World, gatherings: Typed) -> None:
    number = world.gathering(KEY).id
    assert words(gatherings("list").out).endswith("3 geen antwoord 1 bijeenkomst")
    assert words(gatherings("list", "--days", "3").out).endswith("0 bijeenkomsten")
    assert words(gatherings("list", lang="en").out).endswith("3 no answer 1 gathering")
    [one] = gatherings("list", "--trajectory", "proef:16LF00", "--json").json
    assert (one["number"], one["starts_at"]) == (number, "2026-09-29T13:30:00+02:00")
    assert "traject ‘proef:99’ bestaat niet" in gatherings("list", "--trajectory", "proef:99").err


# Every change: shown first, then done


def is_moved(world: World) -> bool:
    gathering = world.gathering(KEY)
    return gathering.ends_at - gathering.starts_at == timedelta(hours=3) and gathering.sequence == 1


CHANGES: dict[str, tuple[tuple[str, ...], str, str, dict[str, str], Any]] = {
    "move": (
        ("move", "N", "7-10-2026 13:30", "--until", "16:30"),
        "‘Kennismaking’ is verplaatst.",
        "'Kennismaking' is moved.",
        dict.fromkeys((FATIMA, JAN, SAM), "invitation-update"),
        is_moved,
    ),
    "place": (
        ("place", "N", "De Pletterij"),
        "‘Kennismaking’ is gewijzigd; iedereen wordt opnieuw gevraagd.",
        "'Kennismaking' is changed; everybody is asked again.",
        dict.fromkeys((FATIMA, JAN, SAM), "invitation-update"),
        lambda world: world.gathering(KEY).place == "De Pletterij",
    ),
    "text": (
        ("text", "N", "--title", "Kennismaken", "--description", "Neem klei mee"),
        "‘Kennismaken’ is gewijzigd; antwoorden blijven staan.",
        "'Kennismaken' is changed; answers stay.",
        dict.fromkeys((FATIMA, JAN, SAM), "invitation-update"),
        lambda world: world.gathering(KEY).description == "Neem klei mee",
    ),
    "add": (
        ("add", "N", '"Visser, Noor" <noor@partner.example>'),
        "Visser, Noor wordt uitgenodigd voor ‘Kennismaking’.",
        "Visser, Noor is invited to 'Kennismaking'.",
        {"noor@partner.example": "invitation"},
        lambda world: not world.invitation(KEY, "noor@partner.example").is_cancelled,
    ),
    "remove": (
        ("remove", "N", JAN, "--reason", "Je hoeft niet meer."),
        "Jan de Wit is niet meer uitgenodigd voor ‘Kennismaking’.",
        "Jan de Wit is no longer invited to 'Kennismaking'.",
        {JAN: "cancellation"},
        lambda world: world.invitation(KEY, JAN).is_cancelled,
    ),
    "cancel": (
        ("cancel", "N", "--reason", "De docent is ziek."),
        "‘Kennismaking’ gaat niet door.",
        "'Kennismaking' is cancelled.",
        dict.fromkeys((FATIMA, JAN, SAM), "cancellation"),
        lambda world: world.gathering(KEY).state is GatheringState.CANCELLED,
    ),
    "cancel the series": (
        ("cancel", "N", "--series"),
        "De rest van de reeks ‘reeks’ gaat niet door: 3 bijeenkomsten.",
        "The rest of the series 'reeks' is cancelled: 3 gatherings.",
        dict.fromkeys((FATIMA, JAN, SAM), "cancellation"),
        lambda world: world.step("vervolg").state == "skipped",
    ),
    "accept a proposal": (
        ("accept-proposal", "N", JAN),
        "Voorstel van Jan de Wit overgenomen. ‘Kennismaking’ is verplaatst.",
        "The proposal of Jan de Wit is taken over. 'Kennismaking' is moved.",
        dict.fromkeys((FATIMA, JAN, SAM), "invitation-update"),
        lambda world: world.gathering(KEY).sequence == 1,
    ),
    "decline a proposal": (
        ("decline-proposal", "N", JAN, "--reason", "De zaal is bezet."),
        "‘Kennismaking’ blijft op dinsdag 29 september 2026, 13:30–15:30 uur; Jan de Wit krijgt bericht.",
        "'Kennismaking' stays on Tuesday 29 September 2026, 13:30–15:30; Jan de Wit is told.",
        {JAN: "decline-counter"},
        lambda world: world.invitation(KEY, JAN).proposed_starts_at is None,
    ),
    "capacity": (
        ("capacity", "N", "12"),
        "‘Kennismaking’ heeft 12 plekken: 0 bezet.",
        "'Kennismaking' has 12 places: 0 taken.",
        {},
        lambda world: world.gathering(KEY).capacity == 12,
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_shown_first_in_both_languages_and_done_when_it_is_confirmed(
    world: World, gatherings: Typed, case: str
) -> None:
    typed, dutch, english, gets, is_done = CHANGES[case]
    if "proposal" in case:
        at = world.gathering(KEY).starts_at + days(7)
        send(world, "COUNTER", JAN, gatherings.now, starts_at=at, ends_at=at + timedelta(hours=2))
    before = dump(world.store)
    tried = gatherings(*typed, "--dry-run")
    assert (tried.code, tried.err) == (0, "")
    assert dutch in words(tried.out)
    for email in gets:
        assert f"<{email}>: " in tried.out
    assert tried.out.count("Mail: ") == len(gets)
    assert english in words(gatherings(*typed, "--dry-run", lang="en").out)
    as_json = gatherings(*typed, "--dry-run", "--json")
    assert (as_json.json["done"], as_json.json["sentence"], mailed(as_json)) == (False, dutch, gets)
    assert gatherings(*typed, "--json").code == 2, "a machine says yes itself"
    stopped = gatherings(*typed, answer="n\n")
    assert (stopped.code, "er is niets veranderd" in stopped.err) == (1, True)
    assert dump(world.store) == before
    done = gatherings(*typed, answer="j\n")
    assert (done.code, words(done.out).endswith("Gedaan.")) == (0, True)
    assert is_done(world)
    assert mailed(as_json) == {mail.to_email: mail.kind for mail in world.mails(state="queued")}


def test_as_json_it_is_done_without_asking(world: World, gatherings: Typed) -> None:
    done = gatherings("place", "N", "De Pletterij", "--yes", "--json", lang="en")
    assert (done.code, done.json["done"]) == (0, True)
    assert done.json["sentence"] == "'Kennismaking' is changed; everybody is asked again."
    assert world.gathering(KEY).place == "De Pletterij"


@pytest.mark.parametrize(
    "typed",
    [
        ("move", "N", "2026-09-29 13:30"),
        ("place", "N", " op school "),
        ("text", "N", "--title", "Kennismaking"),
        ("capacity", "N", "12"),
    ],
    ids=["move", "place", "text", "capacity"],
)
def test_what_is_so_already_is_said_and_not_asked_about(
    world: World, gatherings: Typed, typed: tuple[str, ...]
) -> None:
    if "capacity" in typed:
        gatherings(*typed, "--yes")
    before = dump(world.store)
    ran = gatherings(*typed, answer="")
    assert (ran.code, ran.err) == (0, "")
    assert "er verandert niets" in words(ran.out)
    assert words(ran.out).endswith("Er is niets veranderd.")
    assert "nothing changes" in words(gatherings(*typed, lang="en").out)
    assert dump(world.store) == before


# Who gets what


def test_a_mail_that_a_newer_one_replaces_is_said_to_go_no_more(world: World, gatherings: Typed) -> None:
    gatherings("place", "N", "De Pletterij", "--yes")
    tried = gatherings("move", "N", "2026-10-07 13:30", "--dry-run")
    assert tried.out.count("Gaat niet meer uit: ") == tried.out.count("Mail: ") == 3
    assert f"Gaat niet meer uit: Jan de Wit <{JAN}>: Gewijzigd: Kennismaking, dinsdag 29 september" in words(
        tried.out
    )
    assert (
        "No longer goes out: Jan" in gatherings("move", "N", "2026-10-07 13:30", "--dry-run", lang="en").out
    )
    done = gatherings("move", "N", "2026-10-07 13:30", "--yes", "--json").json
    assert sorted(mail["email"] for mail in done["taken_back"]) == sorted([FATIMA, JAN, SAM])
    assert all(mail.keys() == {"kind", "person", "email", "subject", "why_not"} for mail in done["mails"])


def test_a_question_that_loses_its_reason_is_said_to_go_no_more(world: World, gatherings: Typed) -> None:
    at = world.step(f"{KEY}/nudge-1").due_at
    assert at
    world.live(at)
    nudges.send(world.store, world.settings, now=at)
    assert len(world.mails("nudge", state="queued")) == 3
    with time_machine.travel(at, tick=False):
        tried = gatherings("remove", "N", JAN, "--dry-run", "--json")
        assert [(mail["email"], mail["kind"]) for mail in tried.json["taken_back"]] == [(JAN, "nudge")]
        assert mailed(tried) == {JAN: "cancellation"}


def test_who_never_got_an_invitation_gets_no_cancellation_and_staff_see_why(
    world: World, gatherings: Typed
) -> None:
    gatherings("add", "N", "Noor Visser <noor@partner.example>", "--yes")
    tried = gatherings("remove", "N", "noor@partner.example", "--dry-run")
    assert "Gaat niet meer uit: Noor Visser <noor@partner.example>: Uitnodiging: Kennismaking" in words(
        tried.out
    )
    assert "Niemand krijgt hierdoor nu een mail." in tried.out


def test_who_cannot_be_reached_is_said_so_before_it_is_done(world: World, gatherings: Typed) -> None:
    with world.store.write() as session:
        person = session.exec(select(Person).where(Person.email == JAN)).one()
        person.address_state = AddressState.BOUNCED
    tried = gatherings("place", "N", "De Pletterij", "--dry-run")
    assert "(gaat niet uit: het adres van deze persoon werkt niet meer)" in words(tried.out)
    english = gatherings("place", "N", "De Pletterij", "--dry-run", lang="en")
    assert "(not sent: the address of this person no longer works)" in words(english.out)
    refused = gatherings("add", "N", JAN, "--yes")
    assert refused.code == 1
    assert "Jan de Wit" in refused.err
