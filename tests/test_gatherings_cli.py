"""`traject gatherings` as it is typed: who gets what, in both languages and as JSON, and what is refused.

On SQLite alone: what the actions do is tested on both databases where they are.
"""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from answering_by_calendar import send
from commands import Ran, Traject, with_settings
from engine_cases import World, days, dump, engine_settings
from gathering_cases import KEY, invited, world_with
from sqlmodel import select

from models import Person
from models.enums import AddressState, GatheringState, PartStat
from traject import nudges
from traject.store import Store

FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
SERIES = ("series: reeks\n", ("studiemiddag", "vervolg"))


@pytest.fixture(scope="module")
def begun(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in which three people were invited to the first of a series, and got it."""
    folder = tmp_path_factory.mktemp("gatherings")
    url = f"sqlite:///{shutil.copy(sqlite_template, folder / 'traject.db')}"
    store = Store(url)
    more, also = SERIES
    invited(world_with(store, url, folder, more, also=also))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return folder


@pytest.fixture
def world(begun: Path, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{shutil.copy(begun / 'traject.db', tmp_path / 'traject.db')}"
    store = Store(url)
    yield World(store, engine_settings(url, tmp_path / "var", begun / "programmes"))
    store.close()


@pytest.fixture
def traject(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traject]:
    with time_machine.travel(world.gathering(KEY).starts_at - days(10), tick=False):
        yield with_settings(monkeypatch, world.settings)


class Typed:
    """What is typed after `traject gatherings`; N is the number of the gathering."""

    def __init__(self, world: World, traject: Traject) -> None:
        self.world, self.traject = world, traject
        self.now = world.gathering(KEY).starts_at - days(10)

    def __call__(self, *words: str, lang: str = "nl", answer: str = "") -> Ran:
        number = str(self.world.gathering(KEY).id)
        typed = (number if word == "N" else word for word in words)
        return self.traject("--lang", lang, "gatherings", *typed, answer=answer)


@pytest.fixture
def gatherings(world: World, traject: Traject) -> Typed:
    return Typed(world, traject)


def words(text: str) -> str:
    return " ".join(text.split())


def mailed(ran: Ran) -> dict[str, str]:
    return {mail["email"]: mail["kind"] for mail in ran.json["mails"]}


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


# What is refused


REFUSED: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "no such gathering": (
        ("place", "99", "Elders"),
        1,
        "bijeenkomst 99 bestaat niet; `traject gatherings list` toont de nummers",
        "there is no gathering 99; `traject gatherings list` shows the numbers",
    ),
    "no such gathering to show": (("show", "99"), 1, "bijeenkomst 99 bestaat niet", "no gathering 99"),
    "no such gathering to fill": (
        ("capacity", "99", "3"),
        1,
        "bijeenkomst 99 bestaat niet",
        "no gathering 99",
    ),
    "no such gathering to move": (
        ("move", "99", "2026-10-07 13:30"),
        1,
        "bijeenkomst 99 bestaat niet",
        "no gathering 99",
    ),
    "past": (
        ("move", "N", "2020-10-07 13:30"),
        1,
        "07-10-2020 13:30 is voorbij; kies een moment in de toekomst",
        "07-10-2020 13:30 is past; choose a moment in the future",
    ),
    "a day without a time": (
        ("move", "N", "2026-10-07"),
        2,
        "‘2026-10-07’ is geen moment; schrijf dag en tijd, zoals ‘2026-10-07 13:30’",
        "‘2026-10-07’ is no moment; write day and time",
    ),
    "words": (("move", "N", "volgende week"), 2, "‘volgende week’ is geen moment", "is no moment"),
    "no such day": (("move", "N", "2026-02-30 13:30"), 2, "is geen moment", "is no moment"),
    "the year 1": (("move", "N", "0001-01-01 00:00"), 2, "is geen moment", "is no moment"),
    "the year 9999": (("move", "N", "9999-12-31 23:59"), 2, "is geen moment", "is no moment"),
    "ends first": (
        ("move", "N", "2026-10-07 13:30", "--until", "9:30"),
        1,
        "‘Kennismaking’ kan niet eindigen voor zij begint; geef een later einde",
        "'Kennismaking' cannot end before it begins; give a later end",
    ),
    "no end": (
        ("move", "N", "2026-10-07 13:30", "--until", "laat"),
        2,
        "‘laat’ is geen moment",
        "‘laat’ is no moment",
    ),
    "two ends": (
        ("move", "N", "2026-10-07 13:30", "--until", "16:30", "--hours", "3"),
        2,
        "geef --until of --hours, niet allebei",
        "give --until or --hours, not both",
    ),
    "no words": (("text", "N"), 2, "geef --title en/of --description", "give --title and/or --description"),
    "no title": (("text", "N", "--title", " "), 1, "kan niet zonder titel", "cannot be without a title"),
    "a title that fits no subject": (
        ("text", "N", "--title", "Kennismaken " * 20),
        1,
        "de titel is 239 tekens lang; houd hem onder de 200",
        "the title is 239 characters long; keep it under 200",
    ),
    "more words than a mail carries": (
        ("text", "N", "--description", "Neem klei mee. " * 700),
        1,
        "de omschrijving is 10499 tekens lang",
        "the description is 10499 characters long",
    ),
    "a personal link in what people forward": (
        ("place", "N", "Online: http://portal.example/i/Zk3pQ9xT1vB7"),
        1,
        "de plek bevat een persoonlijke link: wie hem opent, antwoordt namens een ander; haal hem eruit",
        "the place holds a personal link: whoever opens it answers for somebody else; take it out",
    ),
    "no address": (
        ("add", "N", "Noor Visser"),
        2,
        "‘Noor Visser’ is geen adres; schrijf n.visser@school.example",
        "‘Noor Visser’ is no address; write n.visser@school.example",
    ),
    "an empty address": (("add", "N", "Noor Visser <>"), 2, "is geen adres", "is no address"),
    "two people": (("add", "N", "a@x.example, b@x.example"), 2, "is geen adres", "is no address"),
    "nobody's address": (
        ("add", "N", "noor@elders.example"),
        1,
        "niemand heeft het adres noor@elders.example; schrijf de naam erbij",
        "nobody has the address noor@elders.example; write the name with it",
    ),
    "an address that no mail reaches": (
        ("add", "N", "Noor Visser <noor@school>"),
        1,
        "noor@school",
        "noor@school",
    ),
    "invited already": (
        ("add", "N", FATIMA),
        1,
        "Fatima Çelik is al uitgenodigd voor ‘Kennismaking’",
        "Fatima Çelik is invited to 'Kennismaking' already",
    ),
    "not invited": (
        ("remove", "N", "wie@school.example"),
        1,
        "wie@school.example is niet uitgenodigd voor ‘Kennismaking’; wel: Fatima Çelik <fatima@school.example>",
        "wie@school.example is not invited to 'Kennismaking'; these are: Fatima Çelik",
    ),
    "no proposal to take over": (
        ("accept-proposal", "N", FATIMA),
        1,
        "Fatima Çelik heeft voor ‘Kennismaking’ geen ander moment voorgesteld dat nog openstaat",
        "Fatima Çelik proposed no other time for 'Kennismaking' that is still open",
    ),
    "no proposal to decline": (
        ("decline-proposal", "N", "wie@school.example"),
        1,
        "wie@school.example is niet uitgenodigd",
        "wie@school.example is not invited",
    ),
    "fewer places than taken": (
        ("capacity", "N", "1"),
        1,
        "2 mensen hebben al een plek bij ‘Kennismaking’; wie een plek heeft, houdt die. Kies 2 of meer",
        "2 people have a place at 'Kennismaking' already; who has a place keeps it. Choose 2 or more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said_in_one_sentence_with_the_remedy_and_nothing_is_half_done(
    world: World, gatherings: Typed, case: str
) -> None:
    typed, code, dutch, english = REFUSED[case]
    if case == "fewer places than taken":
        _give_two_places(world, gatherings)
    before = dump(world.store)
    sure = () if typed[0] == "show" else ("--yes",)
    for lang, said, how in (("nl", dutch, ()), ("nl", dutch, (*sure, "--json")), ("en", english, sure)):
        ran = gatherings(*typed, *how, lang=lang)
        assert (ran.code, ran.out) == (code, "")
        assert said in words(ran.err)
    assert dump(world.store) == before


def _give_two_places(world: World, gatherings: Typed) -> None:
    """Nobody must come, and two said yes."""
    gatherings("capacity", "N", "5", "--yes")
    with world.store.write() as session:
        for email in (FATIMA, JAN):
            invitation = session.merge(world.invitation(KEY, email))
            invitation.is_required, invitation.partstat = False, PartStat.ACCEPTED


@pytest.mark.parametrize(
    "typed", [("place", "N", "Elders"), ("capacity", "N", "3")], ids=["place", "capacity"]
)
def test_what_is_off_or_has_begun_cannot_be_changed(
    world: World, gatherings: Typed, typed: tuple[str, ...]
) -> None:
    starts_at = world.gathering(KEY).starts_at
    with time_machine.travel(starts_at + timedelta(minutes=5), tick=False):
        assert "‘Kennismaking’ is al begonnen" in gatherings(*typed, "--yes").err
        assert "'Kennismaking' has begun" in gatherings(*typed, "--yes", lang="en").err
    gatherings("cancel", "N", "--yes")
    off = gatherings(*typed, "--yes")
    assert (off.code, "‘Kennismaking’ gaat niet door; daar verandert niets meer aan" in off.err) == (1, True)
    assert "'Kennismaking' is cancelled" in gatherings(*typed, "--yes", lang="en").err


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
