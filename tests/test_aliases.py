"""Mails that were put aside are linked to a person in one step, which is remembered; spoofing stays guarded."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from answering import World, build, dump, events, partstat
from commands import with_settings
from sqlmodel import select
from test_incoming_mail import HOUR, STARTS, reply_of

from models import Alias, Arrival, Event, Person
from models.enums import InboxState, PartStat
from traject.aliases import ignore, link, unlink
from traject.errors import Refused
from traject.inbox import add_mail
from traject.inbox_words import WHY, plain, why_in
from traject.settings import Settings
from traject.store import Store

LINK = 0
PRIVATE = "fatima.prive@mail.example"
FATIMA = "fatima@school.example"


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


def private(world: World, **values: object) -> bytes:
    return reply_of(
        world, **{"sender": PRIVATE, "attendee": PRIVATE, "dtstamp": STARTS - 760 * HOUR, **values}
    )


def number_of(store: Store, mail: bytes) -> int:
    with store.read() as session:
        return session.exec(select(Arrival.id).where(Arrival.raw == mail)).one() or 0


def test_a_mail_from_another_address_counts_once_staff_linked_it_and_so_do_later_ones(
    store: Store, settings: Settings, now: datetime, world: World
):
    first = private(world)
    assert add_mail(store, settings, first, now, now).outcome == "quarantined"
    linked = link(store, settings, number_of(store, first), FATIMA.upper(), now=now)
    assert (linked.email, linked.addresses) == (FATIMA, [PRIVATE])
    assert [(each.before.outcome, each.after.outcome) for each in linked.mails] == [
        ("quarantined", "counted")
    ]
    assert partstat(store, world.invitation) is PartStat.ACCEPTED
    later = private(world, partstat="DECLINED", dtstamp=STARTS - 750 * HOUR)
    assert add_mail(store, settings, later, now, now).outcome == "counted"
    assert partstat(store, world.invitation) is PartStat.DECLINED
    assert events(store) == ["alias.linked", "invitation.accepted", "invitation.declined"]
    with store.read() as session:
        alias = session.exec(select(Alias)).one()
        assert (alias.email, alias.arrival_id, alias.linked_at) == (PRIVATE, number_of(store, first), now)
        event = session.exec(select(Event).where(Event.name == "alias.linked")).one()
        assert event.actor == "staff"
        assert event.details == {"alias": alias.id, "person": alias.person_id, "arrival": alias.arrival_id}


def test_an_alias_that_only_sends_for_the_invited_address_counts_too(
    store: Store, settings: Settings, now: datetime, world: World
):
    """A calendar that answers as invited, but sends from the private account."""
    mail = private(world, attendee=FATIMA, tag="other")
    mail = mail.replace(b"cmk+other@", b"cmk@")
    assert add_mail(store, settings, mail, now, now).outcome == "quarantined"
    link(store, settings, number_of(store, mail), FATIMA, now=now)
    assert partstat(store, world.invitation) is PartStat.ACCEPTED


def test_a_dry_run_shows_what_would_follow_and_changes_nothing(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = private(world)
    add_mail(store, settings, mail, now, now)
    before = dump(store)
    linked = link(store, settings, number_of(store, mail), FATIMA, now=now, dry_run=True)
    assert [each.after.outcome for each in linked.mails] == ["counted"]
    assert dump(store) == before


def test_linking_a_second_time_changes_nothing(store: Store, settings: Settings, now: datetime, world: World):
    mail = private(world)
    add_mail(store, settings, mail, now, now)
    link(store, settings, number_of(store, mail), FATIMA, now=now)
    before = dump(store)
    again = link(store, settings, number_of(store, mail), FATIMA, now=now + HOUR)
    assert (again.mails, dump(store)) == ([], before)


FORGED = "Authentication-Results: mx.hart.example; {}\r\n"


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ("dmarc=fail header.from=mail.example", "quarantined"),
        ("spf=fail smtp.mailfrom=mail.example; dkim=none", "quarantined"),
        ("spf=fail smtp.mailfrom=list.example; dkim=pass header.d=mail.example", "counted"),
        ("spf=pass; dkim=pass; dmarc=pass", "counted"),
    ],
    ids=["DMARC failed", "SPF failed, nothing else", "sent on by a list", "all is well"],
)
def test_an_alias_is_only_as_good_as_the_from_even_with_the_right_tag(
    store: Store, settings: Settings, now: datetime, world: World, results: str, outcome: str
):
    first = private(world)
    add_mail(store, settings, first, now, now)
    link(store, settings, number_of(store, first), FATIMA, now=now)
    later = FORGED.format(results).encode() + private(world, partstat="DECLINED", dtstamp=STARTS - 750 * HOUR)
    assert add_mail(store, settings, later, now, now).outcome == outcome


def test_an_alias_of_one_answers_for_nobody_else(
    store: Store, settings: Settings, now: datetime, world: World
):
    first = private(world)
    add_mail(store, settings, first, now, now)
    link(store, settings, number_of(store, first), FATIMA, now=now)
    for values in ({"attendee": "jan@school.example"}, {"tag": f"i{world.other_invitation}"}):
        mail = (
            private(world, tag=f"i{world.other_invitation}") if "tag" in values else private(world, **values)
        )
        assert add_mail(store, settings, mail, now, now).outcome == "quarantined"
    assert partstat(store, world.other_invitation) is PartStat.NEEDS_ACTION


def _answers(world: World) -> list[bytes]:
    return [
        private(world, partstat=answer, dtstamp=STARTS - hours * HOUR)
        for answer, hours in (("ACCEPTED", 798), ("DECLINED", 797), ("TENTATIVE", 796))
    ]


@pytest.mark.parametrize(
    "order", list(permutations((LINK, 1, 2))), ids=lambda order: "-".join(map(str, order))
)
def test_linking_and_mails_in_any_order_end_in_the_same_state(
    sqlite_url: str, tmp_path: Path, now: datetime, order: tuple[int, ...]
):
    store, settings = (
        Store(sqlite_url),
        Settings(database_url=sqlite_url, var_dir=tmp_path, secret_key="x" * 20),
    )
    world = build(store)
    mails = _answers(world)
    add_mail(store, settings, mails[0], now, now)
    for what in order:
        if what == LINK:
            link(store, settings, number_of(store, mails[0]), FATIMA, now=now)
        else:
            add_mail(store, settings, mails[what], now, now)
    assert partstat(store, world.invitation) is PartStat.TENTATIVE
    with store.read() as session:
        assert not session.exec(select(Arrival).where(Arrival.state == InboxState.QUARANTINED)).all()
    store.close()


def test_linking_while_mails_come_in_leaves_none_aside(
    store: Store, settings: Settings, now: datetime, world: World
):
    first = private(world, dtstamp=STARTS - 799 * HOUR)
    add_mail(store, settings, first, now, now)
    number = number_of(store, first)
    work: list[Callable[[], object]] = [
        lambda mail=mail: add_mail(store, settings, mail, now, now) for mail in _answers(world)
    ]
    work.insert(1, lambda: link(store, settings, number, FATIMA, now=now))
    work.append(lambda: link(store, settings, number, FATIMA, now=now))
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(each) for each in work]:
            done.result()
    assert partstat(store, world.invitation) is PartStat.TENTATIVE
    with store.read() as session:
        assert not session.exec(select(Arrival).where(Arrival.state == InboxState.QUARANTINED)).all()
        assert len(session.exec(select(Alias)).all()) == 1
    assert events(store).count("alias.linked") == 1


def test_an_interrupted_link_is_finished_by_the_next_drain(
    store: Store, settings: Settings, now: datetime, world: World, monkeypatch: pytest.MonkeyPatch
):
    from traject import aliases
    from traject.inbox import apply_stored

    mail = private(world)
    add_mail(store, settings, mail, now, now)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(aliases, "apply_one", killed)
        with pytest.raises(KeyboardInterrupt):
            link(store, settings, number_of(store, mail), FATIMA, now=now)
    assert partstat(store, world.invitation) is PartStat.NEEDS_ACTION
    apply_stored(store, settings, now)
    assert partstat(store, world.invitation) is PartStat.ACCEPTED


@pytest.mark.parametrize(
    ("number", "email", "said"),
    [
        (None, "nobody@school.example", "niemand heeft het adres"),
        (99, FATIMA, "er is geen mail 99"),
        (
            None,
            "jan@school.example",
            "is van Fatima Çelik, niet van Jan de Wit; maak die koppeling eerst los",
        ),
    ],
)
def test_what_cannot_be_linked_is_refused_with_the_remedy(
    store: Store, settings: Settings, now: datetime, world: World, number: int | None, email: str, said: str
):
    mail = private(world)
    add_mail(store, settings, mail, now, now)
    if email.startswith("jan"):
        link(store, settings, number_of(store, mail), FATIMA, now=now)
    before = dump(store)
    with pytest.raises(Refused, match=said):
        link(store, settings, number or number_of(store, mail), email, now=now)
    assert dump(store) == before


def test_a_mail_from_a_persons_own_address_is_never_linked_to_another(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = reply_of(world, sender="jan@school.example")
    assert add_mail(store, settings, mail, now, now).outcome == "quarantined"
    with pytest.raises(Refused, match="is van Jan de Wit, niet van Fatima"):
        link(store, settings, number_of(store, mail), FATIMA, now=now)


def test_a_mail_without_a_sender_cannot_be_linked(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = b"Subject: wie ben ik\r\n\r\nhoi\r\n"
    add_mail(store, settings, mail, now, now)
    with pytest.raises(Refused, match="heeft geen afzender"):
        link(store, settings, number_of(store, mail), FATIMA, now=now)


def test_what_was_unlinked_is_put_aside_again_and_what_counted_stays(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = private(world)
    add_mail(store, settings, mail, now, now)
    link(store, settings, number_of(store, mail), FATIMA, now=now)
    before = dump(store)
    unlink(store, PRIVATE, now=now, dry_run=True)
    assert dump(store) == before
    unlink(store, PRIVATE.upper(), now=now)
    later = private(world, partstat="DECLINED", dtstamp=STARTS - 750 * HOUR)
    assert add_mail(store, settings, later, now, now).outcome == "quarantined"
    assert partstat(store, world.invitation) is PartStat.ACCEPTED
    assert "alias.unlinked" in events(store)
    with pytest.raises(Refused, match="is aan niemand gekoppeld"):
        unlink(store, PRIVATE, now=now)


def test_a_mail_that_was_seen_is_no_longer_to_look_at(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = b"From: a@x.example\r\nSubject: Vraag\r\n\r\nDag\r\n"
    add_mail(store, settings, mail, now, now)
    number = number_of(store, mail)
    assert ignore(store, number, now=now, dry_run=True).outcome == "quarantined"
    assert ignore(store, number, now=now).outcome == "ignored"
    before = dump(store)
    assert (
        ignore(store, number, now=now).why == "een gewone mail: iemand moet hem lezen; Hart heeft het bekeken"
    )
    assert dump(store) == before
    counted = reply_of(world)
    add_mail(store, settings, counted, now, now)
    with pytest.raises(Refused, match="al verwerkt"):
        ignore(store, number_of(store, counted), now=now)


# On the command line


def test_the_command_line_shows_links_and_forgets(
    store: Store, settings: Settings, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = with_settings(monkeypatch, settings)
    file = tmp_path / "reply.eml"
    file.write_bytes(private(world, partstat="DECLINED", comment="Ik ben er niet"))
    with store.write() as session:  # so that the clock of this machine does not say that it is over
        from models import Gathering

        session.exec(select(Gathering)).one().starts_at = datetime.now().astimezone() + timedelta(days=30)
    run("inbox", "add", str(file))
    (row,) = run("inbox", "list", "--state", "quarantined", "--json").json
    assert (row["sender"], row["outcome"], row["subject"]) == (PRIVATE, "quarantined", "Antwoord")
    shown = run("inbox", "show", str(row["id"])).out
    assert "Uitkomst: bekijken: wie antwoordt is niet op dat adres uitgenodigd" in shown
    assert "traject inbox link" in shown
    assert "who answers was not invited" in run("--lang", "en", "inbox", "show", str(row["id"])).out
    out = tmp_path / "out.eml"
    run("inbox", "show", str(row["id"]), "--out", str(out))
    assert out.read_bytes() == file.read_bytes()
    tried = run("inbox", "link", str(row["id"]), FATIMA, "--dry-run")
    assert "telt als mail van Fatima Çelik" in tried.out
    assert "bekijken" in tried.out
    assert "geteld" in tried.out
    assert "Er is niets veranderd" in tried.out
    done = run("inbox", "link", str(row["id"]), FATIMA, "--yes", "--json").json
    assert done["done"] is True
    assert [mail["after"]["outcome"] for mail in done["mails"]] == ["counted"]
    (alias,) = run("inbox", "aliases", "--json").json
    assert (alias["email"], alias["person"], alias["mail"]) == (PRIVATE, FATIMA, row["id"])
    assert "telt niet meer" in run("inbox", "unlink", PRIVATE, "--yes").out
    assert run("inbox", "aliases", "--json").json == []
    assert run("inbox", "link", str(row["id"]), "x@y.example", "--yes").code == 1


def test_a_storm_of_one_sender_is_one_line_for_staff_and_every_mail_for_a_machine(
    store: Store, settings: Settings, now: datetime, world: World, monkeypatch: pytest.MonkeyPatch
):
    for number in range(30):
        mail = f"From: boos@x.example\r\nSubject: {number}\r\n\r\nx\r\n".encode()
        add_mail(store, settings, mail, now + number * timedelta(minutes=2), now)
    run = with_settings(monkeypatch, settings)
    lines = [line for line in run("inbox", "list").out.splitlines() if "boos@x.example" in line]
    assert len(lines) == 1
    assert "30 × gewone mail" in run("inbox", "list").out.replace("\n", " ")
    assert len(run("inbox", "list", "--json").json) == 30


# Words


@pytest.mark.parametrize("dutch", [pair[0] for pair in WHY])
def test_every_reason_has_its_english(dutch: str):
    filled = dutch.format(*("7x" for _ in range(dutch.count("{}"))))
    english = dict(WHY)[dutch].format(*("7x" for _ in range(dutch.count("{}"))))
    assert why_in(filled, "nl") == filled
    assert why_in(filled, "en") == english


def test_reasons_within_reasons_are_translated_too():
    said = "hard: het adres bestaat niet (geen code); deze persoon heeft nu een ander adres"
    assert why_in(said, "en") == "hard: no such address (no code); this person has another address now"


def test_what_a_stranger_wrote_moves_no_cursor_and_turns_no_writing():
    assert plain("Jan \u202eelpmaxe\x1b[2J\u200b\r") == "Jan \ufffdelpmaxe\ufffd[2J\ufffd\ufffd"
    assert plain("Fatima Çelik\tغرفة\n") == "Fatima Çelik\tغرفة\n"


def test_people_are_found_by_every_address(store: Store, world: World):
    with store.read() as session:
        assert {person.email for person in session.exec(select(Person)).all()} >= {FATIMA}
