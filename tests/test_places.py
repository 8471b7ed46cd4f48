"""A gathering with fewer places than people: who comes first has one, who waits is offered what comes free."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from engine_cases import dump
from gathering_cases import event_of
from place_cases import ADVISER, DAY, NAMES, REF, Few, email
from sqlmodel import col, select

from calendars.lint_mail import lint_mail
from models import Event, Message
from models.enums import MessageState, PartStat
from traject import nudges, staff
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.inbox import add_mail, apply_one
from traject.simulation.cast import Actor, Client, Temper
from traject.simulation.letters import calendar_reply, read_letter
from traject.simulation.post import Received
from traject.staff_places import set_capacity
from traject.store import Store
from traject.waiting import Standing, free, position, waiting_list

ASKED, PLACE, WAITING, OFFERED = Standing.ASKED, Standing.PLACE, Standing.WAITING, Standing.OFFERED


@pytest.fixture
def few(store: Store, database_url: str, tmp_path: Path) -> Few:
    return Few(store, database_url, tmp_path)


def events(few: Few) -> list[str]:
    with few.world.store.read() as session:
        named = col(Event.name).startswith("place.")
        return list(session.exec(select(Event.name).where(named).order_by(col(Event.id))))


def shown(message: Message) -> dict[str, str]:
    """What a calendar shows of it."""
    assert message.data
    assert lint_mail(message.data) == []
    event = event_of(message)
    lines = {name: event.first(name) for name in ("SUMMARY", "STATUS", "SEQUENCE", "ATTENDEE")}
    found = {name: line.value for name, line in lines.items() if line}
    return found | {"PARTSTAT": (lines["ATTENDEE"] and lines["ATTENDEE"].parameter("PARTSTAT")) or ""}


# Full


def test_who_says_yes_when_it_is_full_waits_and_mail_and_calendar_say_so(few: Few):
    few.full()
    assert few.stands() == [PLACE, PLACE, WAITING, WAITING]
    assert [m.to_email for m in few.world.mails("waiting-list")] == [email("cas"), email("dewi")]
    [mail] = few.news("dewi")
    assert mail.subject.startswith("Je staat op de wachtlijst: Eerste sessie, ")
    assert "op plaats 2" in str(mail.data, "ascii").replace("=\r\n", "")
    says = shown(mail)
    assert says["SUMMARY"].startswith("Wachtlijst: Eerste sessie")
    assert (says["STATUS"], says["PARTSTAT"]) == ("TENTATIVE", "ACCEPTED")
    [first] = few.world.mails("invitation", to=email("dewi"))
    assert int(says["SEQUENCE"]) > (first.sequence or 0)
    assert b"/i/" not in str(event_of(mail)).encode()
    assert events(few) == ["place.waited-for"] * 2


def test_who_must_come_has_a_place_whatever_the_capacity_and_takes_none(few: Few):
    few.says(ADVISER, "ACCEPTED")
    few.full()
    assert few.stands(ADVISER, *NAMES) == [PLACE, PLACE, PLACE, WAITING, WAITING]
    assert few.taken() == 2


def test_a_place_that_is_simply_free_needs_no_word(few: Few):
    few.says("anna", "ACCEPTED")
    assert few.world.mails("waiting-list", "place-offered") == []


def test_the_same_yes_again_changes_nothing(few: Few):
    few.full()
    before = len(few.world.mails()), few.stands()
    few.says("cas", "ACCEPTED")
    assert (len(few.world.mails()), few.stands()) == before


# Free again


def test_a_place_that_comes_free_is_offered_to_who_waits_longest_for_three_working_days(few: Few):
    few.full()
    few.says("anna", "DECLINED")
    assert few.stands() == [ASKED, PLACE, OFFERED, WAITING]
    until = few.invitation("cas").offered_until
    assert until is not None
    calendar = few.world.settings.zone
    assert until.astimezone(calendar).time().hour == 17
    assert until == few.world.trajectory(REF).next_due_at
    mail = few.news("cas")[-1]
    assert mail.kind == "place-offered"
    says = shown(mail)
    assert says["SUMMARY"].startswith("Plek vrij: ")
    assert (says["STATUS"], says["PARTSTAT"]) == ("TENTATIVE", "NEEDS-ACTION")
    few.says("cas", "ACCEPTED")
    assert few.stands() == [ASKED, PLACE, PLACE, WAITING]
    says = shown(few.news("cas")[-1])
    assert says["SUMMARY"].startswith("Eerste sessie")
    assert (says["STATUS"], says["PARTSTAT"]) == ("CONFIRMED", "ACCEPTED")
    assert events(few)[2:] == ["place.offered", "place.taken"]
    numbers = [m.sequence or 0 for m in few.news("cas")]
    assert numbers == sorted(set(numbers)), "SEQUENCE rises with all that a calendar is told"


def test_a_no_passes_it_on_at_once(few: Few):
    few.full()
    few.says("anna", "TENTATIVE")
    few.says("cas", "DECLINED")
    assert few.stands() == [ASKED, PLACE, ASKED, OFFERED]
    assert [m.state for m in few.news("cas")] == [MessageState.ACCEPTED, MessageState.WITHDRAWN]


def test_the_deadline_passes_it_on_and_who_was_late_hears_it_and_can_still_ask(few: Few):
    few.full()
    few.says("anna", "DECLINED")
    few.world.deliver(few.now)
    until = few.invitation("cas").offered_until
    assert until
    few.wait(until - timedelta(minutes=1))
    assert few.stands("cas") == [OFFERED]
    few.wait(until)
    assert few.stands() == [ASKED, PLACE, ASKED, OFFERED]
    assert few.news("cas")[-1].subject.startswith("De plek is vergeven")
    few.says("cas", "ACCEPTED")
    assert few.stands() == [ASKED, PLACE, WAITING, OFFERED], "behind who waits"


def test_a_yes_after_the_deadline_is_no_yes_to_the_offer_also_when_nobody_noticed_yet(few: Few):
    few.full()
    few.says("anna", "DECLINED")
    until = few.invitation("cas").offered_until
    assert until
    few.now = until
    few.says("cas", "ACCEPTED")
    assert few.stands() == [ASKED, PLACE, WAITING, OFFERED]


def test_only_a_yes_to_the_offer_takes_it_but_a_no_counts_from_anywhere(few: Few):
    few.full()
    before = few.invitation("cas").sequence
    few.says("anna", "DECLINED")
    assert few.says("cas", "ACCEPTED", sequence=before).outcome == "stale"
    assert few.stands("cas") == [OFFERED]
    assert few.says("cas", "DECLINED", sequence=before - 1).outcome == "counted", "to the invitation itself"
    assert few.stands() == [ASKED, PLACE, ASKED, OFFERED]


def test_in_the_last_days_everybody_who_waits_is_asked_and_the_first_has_it(few: Few):
    few.full()
    few.now = few.gathering.starts_at - timedelta(hours=28)  # the morning before
    few.says("anna", "DECLINED")
    assert few.stands() == [ASKED, PLACE, OFFERED, OFFERED]
    few.world.deliver(few.now)
    few.says("dewi", "ACCEPTED")
    assert few.stands() == [ASKED, PLACE, WAITING, PLACE]
    assert few.news("cas")[-1].subject.startswith("Je staat op de wachtlijst")
    assert few.news("dewi")[-1].subject.startswith("Je hebt een plek")
    few.says("cas", "ACCEPTED")
    assert few.taken() == 2


def test_whoever_is_no_longer_invited_leaves_a_place_too(few: Few):
    few.full()
    few.now += timedelta(hours=1)
    where = (few.world.store, few.world.settings, REF)
    hand_over(*where, "deelnemer", old_email=email("bo"), now=few.now)
    assert few.stands("anna", "cas", "dewi") == [PLACE, OFFERED, WAITING]


def test_another_date_asks_everybody_again(few: Few):
    few.full()
    to = few.gathering.starts_at + 7 * DAY
    few.now += timedelta(hours=1)
    staff.move_step(few.world.store, few.world.settings, REF, "eerste", to=to, now=few.now)
    assert few.stands() == [ASKED] * 4
    for name in ("dewi", "cas", "anna"):
        few.says(name, "ACCEPTED")
    assert few.stands() == [WAITING, ASKED, PLACE, PLACE]


def test_nothing_is_offered_while_the_trajectory_stands_still(few: Few):
    few.full()
    where = (few.world.store, few.world.settings, REF)
    staff.pause(*where, now=few.now)
    few.says("anna", "DECLINED")
    assert few.stands() == [ASKED, PLACE, WAITING, WAITING]
    few.says("anna", "ACCEPTED")
    assert few.stands("anna") == [WAITING], "the place belongs to who waits"
    staff.resume(*where, now=few.now + timedelta(minutes=1))
    assert few.stands() == [WAITING, PLACE, OFFERED, WAITING]


# Staff


def test_more_places_are_offered_at_once_and_shown_before(few: Few):
    few.full()
    at = {"now": few.now + timedelta(minutes=1)}
    number = few.gathering.id or 0
    before = dump(few.world.store)
    shown_first = set_capacity(few.world.store, few.world.settings, number, capacity=3, dry_run=True, **at)
    assert dump(few.world.store) == before
    done = set_capacity(few.world.store, few.world.settings, number, capacity=3, **at)
    assert [(m.email, m.kind) for m in done.mails] == [(email("cas"), "place-offered")]
    assert (done.mails, done.sentence) == (shown_first.mails, shown_first.sentence)
    assert done.sentence == "‘Eerste sessie’ heeft 3 plekken: 2 bezet, 2 op de wachtlijst."
    assert few.stands() == [PLACE, PLACE, OFFERED, WAITING]


def test_fewer_places_than_are_taken_or_promised_are_refused(few: Few):
    few.full()
    number, before = few.gathering.id or 0, dump(few.world.store)
    with pytest.raises(
        Refused, match=r"2 mensen hebben al een plek.*; wie een plek heeft, houdt die. Kies 2 of"
    ):
        set_capacity(few.world.store, few.world.settings, number, capacity=1, now=few.now)
    assert dump(few.world.store) == before
    few.says("anna", "DECLINED")
    with pytest.raises(Refused, match=r"1 persoon heeft al een plek.* en 1 persoon kreeg er een aangeboden"):
        set_capacity(few.world.store, few.world.settings, number, capacity=1, now=few.now)
    with pytest.raises(Refused, match="bijeenkomst 99 bestaat niet"):
        set_capacity(few.world.store, few.world.settings, 99, capacity=1, now=few.now)


def test_a_gathering_without_a_limit_can_get_one(store: Store, database_url: str, tmp_path: Path):
    few = Few(store, database_url, tmp_path, capacity=None)
    few.says(ADVISER, "ACCEPTED")
    few.says("anna", "ACCEPTED")
    done = set_capacity(few.world.store, few.world.settings, few.gathering.id or 0, capacity=2, now=few.now)
    assert done.sentence.endswith("2 plekken: 1 bezet; 1 persoon die erbij moet zijn telt niet mee.")
    for name in NAMES:
        few.says(name, "ACCEPTED")
    assert few.stands(ADVISER, *NAMES) == [PLACE, PLACE, PLACE, WAITING, WAITING]


# Other mail


def test_who_waits_is_neither_reminded_nor_asked_once_more(store: Store, database_url: str, tmp_path: Path):
    few = Few(store, database_url, tmp_path, more="        reminders: [14 dagen]\n")
    few.full()
    for key in ("eerste/reminder-1", "eerste/nudge-1"):
        due = few.world.step(key).due_at
        assert due
        few.wait(due)
        nudges.send(store, few.world.settings, now=due)
        few.world.deliver(due)
    assert [m.to_email for m in few.world.mails("nudge")] == [ADVISER], "the only one who did not answer"
    reminded = {m.to_email for m in few.world.mails("gathering-reminder")}
    assert reminded == {email("anna"), email("bo"), ADVISER}


def test_an_answer_by_calendar_and_by_web_share_one_place(few: Few):
    few.says("anna", "ACCEPTED")
    few.says("bo", "ACCEPTED")

    def by_calendar(name: str, answer: PartStat, message: Message) -> str:
        few.now += timedelta(minutes=1)
        actor = Actor(name.title(), email(name), Random(1), Temper.PROMPT, Client.GOOGLE)
        letter = read_letter(Received(few.now, "x@hart.example", email(name), message.data or b""))
        mail = calendar_reply(letter, actor, answer, few.now, few.now.minute)
        return add_mail(few.world.store, few.world.settings, mail, few.now).outcome

    [invitation] = few.world.mails("invitation", to=email("cas"))
    assert by_calendar("cas", PartStat.ACCEPTED, invitation) == "counted"
    assert few.stands("cas") == [WAITING]
    few.world.deliver(few.now)
    assert by_calendar("cas", PartStat.ACCEPTED, few.news("cas")[-1]) == "counted", "a calendar says it again"
    few.says("anna", "DECLINED")
    assert by_calendar("cas", PartStat.ACCEPTED, few.news("cas")[-1]) == "counted"
    assert few.stands("cas") == [PLACE]
    few.says("cas", "DECLINED")
    assert few.taken() == 1


# Laws


def law(few: Few) -> None:
    invitations, gathering = few.all(), few.gathering
    assert gathering.capacity is not None
    assert few.taken() <= gathering.capacity, "never more people than places"
    kept = sum(i.offered_until is not None and i.offered_until < gathering.starts_at for i in invitations)
    assert few.taken() + kept <= gathering.capacity, "nor more promised than there are"
    for each in invitations:
        numbers = [
            m.sequence or 0
            for m in few.world.rows(Message, Message.invitation_id == each.id)
            if not m.is_reminder
        ]
        assert numbers == sorted(set(numbers)), "no two invitations for one SEQUENCE, and it never falls"
        assert each.sequence <= gathering.sequence
    places = [position(gathering, invitations, i) for i in waiting_list(gathering, invitations)]
    assert places == list(range(1, len(places) + 1))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_people_say_in_any_order_there_are_never_more_than_there_are_places(
    sqlite_template: Path, tmp_path: Path, seed: int
):
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'few.db')}"
    store = Store(url)
    few, chance = Few(store, url, tmp_path, capacity=1 + seed % 3), Random(seed)
    few.world.deliver(few.now)

    def answer() -> None:
        name = chance.choice(NAMES)
        old = chance.choice((None, None, None, max(0, few.invitation(name).sequence - 1)))
        few.says(name, chance.choice(("ACCEPTED", "ACCEPTED", "DECLINED", "TENTATIVE")), sequence=old)

    def capacity() -> None:
        wanted, number = chance.randint(1, 4), few.gathering.id or 0
        set_capacity(store, few.world.settings, number, capacity=wanted, now=few.now)

    def stand_still() -> None:
        chance.choice((staff.pause, staff.resume))(store, few.world.settings, REF, now=few.now)

    def move() -> None:
        to = few.now + timedelta(days=chance.choice((1, 3, 8)), hours=chance.randint(0, 5))
        staff.move_step(store, few.world.settings, REF, "eerste", to=to, now=few.now)

    acts: list[Callable[[], None]] = [answer] * 12 + [capacity, stand_still, move]
    for _ in range(50):
        if few.gathering.starts_at - few.now < timedelta(hours=2):
            break
        few.now += timedelta(hours=chance.choice((0, 0, 1, 5, 24)))
        try:
            chance.choice(acts)()
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017
        law(few)
        few.world.advance(few.now)
        law(few)
        if chance.random() < 0.5:
            few.world.deliver(few.now)
        if few.world.trajectory(REF).state == "running" and few.gathering.starts_at - few.now > 3 * DAY:
            unplaced = [i for i in few.all() if i.waiting_since and not i.offered_until]
            assert not (unplaced and free(few.gathering, few.all())), "no place is free while somebody waits"
    store.close()


def test_two_at_once_cannot_both_take_the_last_place(few: Few):
    few.says("anna", "ACCEPTED")
    arrivals = [few.keep(few.invitation(name), {"partstat": "ACCEPTED"}) for name in ("bo", "cas", "dewi")]
    with ThreadPoolExecutor(3) as pool:
        asked = [
            pool.submit(apply_one, few.world.store, each, few.now, few.world.settings) for each in arrivals
        ]
        assert [each.result().outcome for each in asked] == ["counted"] * 3
    assert sorted(few.stands("bo", "cas", "dewi")) == [PLACE, WAITING, WAITING]
    law(few)


def test_two_at_once_cannot_both_take_a_place_that_is_open_to_the_first(few: Few):
    few.full()
    few.now = few.gathering.starts_at - timedelta(hours=28)
    few.says("anna", "DECLINED")
    arrivals = [
        few.keep(few.invitation(name), {"partstat": "ACCEPTED", "sequence": few.invitation(name).sequence})
        for name in ("cas", "dewi")
    ]
    with ThreadPoolExecutor(2) as pool:
        for each in arrivals:
            pool.submit(apply_one, few.world.store, each, few.now, few.world.settings)
    assert sorted(few.stands("cas", "dewi")) == [PLACE, WAITING]
    law(few)
