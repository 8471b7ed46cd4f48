"""What `traject gatherings` refuses: one sentence with the remedy, in both languages, and nothing half done."""

from datetime import timedelta

import pytest
import time_machine
from engine_cases import World, dump
from gathering_cases import KEY
from gatherings_typed import FATIMA, JAN, Typed, begun, gatherings, traject, words, world

from models.enums import PartStat

__all__ = ["begun", "gatherings", "traject", "world"]  # fixtures


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
