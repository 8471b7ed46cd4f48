"""What each mail says and how it looks, in both languages."""

import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_samples import (
    COMMON,
    CONTEXT_OF,
    EVERY_MAIL,
    GATHERING,
    bodies,
    mail,
    parsed,
)

from models.enums import MessageKind, PartStat
from traject.compose import TEMPLATES
from traject.html_check import findings_of
from traject.mail_contexts import (
    CONTEXTS,
    MailContext,
    StageLine,
    UpcomingLine,
)
from traject.mail_words import LANGUAGES, day, moment, period


def test_every_kind_has_a_context_and_a_sample() -> None:
    assert set(CONTEXTS) == set(MessageKind) == set(CONTEXT_OF)


@pytest.mark.parametrize(("kind", "language"), EVERY_MAIL)
def test_every_mail_is_whole_in_both_languages(kind: MessageKind, language: str) -> None:
    composed = mail(kind, language)
    text, html = bodies(composed)
    for body in (composed.subject, text, html):
        assert not re.search(r"None|Undefined|\{\{|\{%|\{#|datetime|Markup", body)
    assert COMMON["person_name"] in text
    assert COMMON["person_name"] in html
    privacy = COMMON["privacy_url"] + (
        "?lang=en" if language == "en" else ""
    )  # the page in the language of the mail
    assert f"{privacy}\n" in text
    assert f'href="{privacy}"' in html
    assert "Neem het schoolplan mee." in text
    assert "Neem het schoolplan mee." in html
    assert f'<html lang="{language}"' in html
    # Webmail keeps neither html nor body; what a screen reader needs stands on an element that it does keep.
    assert re.search(f'<div role="article" aria-label="[^"]+" lang="{language}">', html)
    assert parsed(composed)["Content-Language"] == language
    assert "\n\n\n" not in text


@pytest.mark.parametrize(("kind", "language"), EVERY_MAIL)
def test_the_html_suits_mail_clients(kind: MessageKind, language: str) -> None:
    html = bodies(mail(kind, language))[1]
    assert len(html.encode()) < 15_000
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)  # Outlook's own frame
    tables = re.findall(r"<table[^>]*>", html)
    assert tables
    assert all('role="presentation"' in table for table in tables)
    assert all("style=" in tag for tag in re.findall(r"<(?:p|h1|h2|td|a)\b[^>]*>", html))
    for tag in ("table", "tbody", "tr", "td", "p", "span", "strong", "s", "a"):
        assert len(re.findall(rf"<{tag}\b", html)) == html.count(f"</{tag}>"), tag
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    preheader = re.search(r'<div class="preheader" style="display: none[^>]*>([^<]+)</div>', html)
    assert preheader
    assert preheader[1].strip()
    assert not re.search(r"<img|<script|<link", html)


@pytest.mark.parametrize(("kind", "language"), EVERY_MAIL)
def test_the_text_holds_all_that_the_details_of_the_html_hold(kind: MessageKind, language: str) -> None:
    text, html = bodies(mail(kind, language))
    values = re.findall(r'<td class="(?:value|item)"[^>]*>(.*?)</td>', html, flags=re.DOTALL)
    links = re.findall(r'<a class="button" href="([^"]+)"', html)
    assert values
    for value in values:
        for piece in re.split(r"<[^>]+>", value):
            plain = piece.replace("&amp;", "&").replace("&#39;", "'").replace("\u00a0", " ").strip()
            assert plain in text or plain in {"was", "wordt", "now"}
    assert all(link in text for link in links)


WORDS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="NU{"), min_size=1, max_size=60
).filter(str.strip)
DAYS = st.dates(date(2021, 1, 1), date(2060, 12, 31))
INSTANTS = st.datetimes(datetime(2021, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
OPTIONAL = {
    "text": st.just("") | WORDS,
    "reason": st.just("") | WORDS,
    "place": st.just("") | WORDS,
    "description": st.just("") | WORDS,
    "detail": st.just("") | WORDS,
    "stage_goal": st.just("") | WORDS,
    "due_on": st.none() | DAYS,
    "previous_starts_at": st.none() | INSTANTS,
    "previous_ends_at": st.none() | INSTANTS,
    "previous_place": st.none() | st.just("") | WORDS,
    "partstat": st.sampled_from(PartStat),
    "uninvited": st.booleans(),
    "stages": st.lists(st.builds(StageLine, WORDS, DAYS, DAYS), max_size=3).map(tuple),
    "upcoming": st.lists(st.builds(UpcomingLine, DAYS, WORDS), max_size=3).map(tuple),
}


@st.composite
def any_mail(draw: st.DrawFn) -> tuple[MessageKind, str, MailContext]:
    kind = draw(st.sampled_from(MessageKind))
    context = CONTEXT_OF[kind]
    values: dict[str, object] = {}
    for field in fields(context):
        if field.name in OPTIONAL:
            values[field.name] = draw(OPTIONAL[field.name])
        elif field.name.endswith(("_name", "title", "school_year", "retention")):
            values[field.name] = draw(WORDS)
    return kind, draw(st.sampled_from(LANGUAGES)), replace(context, **values)


@settings(max_examples=200)
@given(any_mail())
def test_no_mail_ever_says_none(drawn: tuple[MessageKind, str, MailContext]) -> None:
    composed = mail(*drawn)
    for body in (composed.subject, *bodies(composed)):
        assert not re.search(r"None|Undefined|\{\{|\{%", body)


def test_names_cannot_bring_markup_into_the_html() -> None:
    context = replace(GATHERING, person_name="<b onclick='x'>Jan</b>", place='"><script>', reason="<i>")
    for kind in (MessageKind.INVITATION, MessageKind.CANCELLATION, MessageKind.INVITATION_UPDATE):
        text, html = bodies(mail(kind, context=context))
        assert not re.search(r"<b |<script|<i>", html)
        assert "<b onclick='x'>Jan</b>" in text


# What each kind says


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "nl",
            (
                "gekregen van Basisschool",
                "alleen om dit traject te begeleiden",
                "We bewaren ze tot twee jaar",
                "wissen",
            ),
        ),
        (
            "en",
            (
                "work address and role from Basisschool",
                "only to guide",
                "We keep them tot twee jaar",
                "erased",
            ),
        ),
    ],
)
def test_the_welcome_tells_source_purpose_term_and_rights(language: str, words: tuple[str, ...]) -> None:
    for body in bodies(mail(MessageKind.WELCOME, language)):
        assert all(word in body for word in words)
        assert COMMON["privacy_url"] in body


@pytest.mark.parametrize(("language", "press"), [("nl", "‘Ja’"), ("en", "‘Yes’")])
@pytest.mark.parametrize("kind", [MessageKind.INVITATION, MessageKind.INVITATION_UPDATE], ids=str)
def test_an_invitation_helps_gmail_users_and_names_the_adviser(
    kind: MessageKind, language: str, press: str
) -> None:
    for body in bodies(mail(kind, language)):
        assert "Gmail" in body
        assert press in body
        assert "Sanne de Vries" in body
        assert "sanne@hart.example" in body
        assert GATHERING.answer_url in body


def test_the_adviser_is_not_told_to_ask_herself() -> None:
    context = replace(GATHERING, person_name="Sanne de Vries")
    assert "is je adviseur" in bodies(mail(MessageKind.INVITATION))[0]
    for body in bodies(mail(MessageKind.INVITATION, context=context)):
        assert "is je adviseur" not in body


def test_the_source_of_the_data_is_the_school_also_in_a_group() -> None:
    context = replace(CONTEXT_OF[MessageKind.WELCOME], data_source="Basisschool Duin")
    for body in bodies(mail(MessageKind.WELCOME, context=context)):
        assert "gekregen van Basisschool Duin." in body


def test_an_update_shows_before_and_after() -> None:
    text, html = bodies(mail(MessageKind.INVITATION_UPDATE))
    assert "Oud moment: dinsdag 6 oktober 2026, 13:00–16:00 uur\n" in text
    assert "Nieuw moment: woensdag 7 oktober 2026, 13:30–16:30 uur\n" in text
    assert "Oude plek: De Toneelschuur\nNieuwe plek: De Pletterij, Haarlem\n" in text
    assert html.index("dinsdag 6 oktober") < html.index("woensdag 7 oktober", html.index("dinsdag 6 oktober"))
    assert "Een eerder antwoord telt na deze wijziging niet meer" in text


@pytest.mark.parametrize(
    ("changes", "has", "lacks"),
    [
        ({"previous_place": ""}, "Oude plek: Nog niet bekend", "Oud moment"),
        ({"previous_ends_at": datetime(2026, 10, 7, 14, 0, tzinfo=UTC)}, "13:30–16:00 uur", "Oude plek"),
        ({}, "Moment en plek blijven gelijk", "telt na deze wijziging niet meer"),
        ({"partstat": PartStat.ACCEPTED}, "dat blijft zo staan", "telt na deze wijziging niet meer"),
    ],
    ids=["place-now-known", "ends-later", "only-words", "answer-kept"],
)
def test_an_update_tells_only_what_changed(changes: dict[str, object], has: str, lacks: str) -> None:
    for body in bodies(mail(MessageKind.INVITATION_UPDATE, context=replace(GATHERING, **changes)))[:1]:
        assert has in body
        assert lacks not in body


def test_a_cancellation_says_so_and_why_and_asks_no_answer() -> None:
    composed = mail(
        MessageKind.CANCELLATION, context=replace(GATHERING, answer_url="", reason="De docent is ziek.")
    )
    assert composed.subject.startswith("Gaat niet door: Studiemiddag drama")
    for body in bodies(composed):
        assert "Deze bijeenkomst gaat niet door" in body
        assert "De docent is ziek." in body
        assert "Laat weten" not in body


def test_one_person_who_is_no_longer_invited_is_not_told_that_it_is_cancelled() -> None:
    composed = mail(MessageKind.CANCELLATION, context=replace(GATHERING, uninvited=True))
    assert "niet door" not in composed.subject + "".join(bodies(composed))
    assert "Je uitnodiging is ingetrokken" in bodies(composed)[0]


@pytest.mark.parametrize("partstat", PartStat, ids=str)
def test_a_reminder_asks_only_who_has_not_answered(partstat: PartStat) -> None:
    text = bodies(mail(MessageKind.GATHERING_REMINDER, context=replace(GATHERING, partstat=partstat)))[0]
    assert ("fijn, tot dan" in text) == (partstat is PartStat.ACCEPTED)
    answered = partstat in {PartStat.ACCEPTED, PartStat.DECLINED}
    assert ("Wijzig je antwoord" in text) == answered
    assert ("Laat weten of je komt" in text) == (not answered)


@pytest.mark.parametrize("kind", [MessageKind.EVALUATION_REQUEST, MessageKind.EVALUATION_REMINDER], ids=str)
def test_an_evaluation_never_calls_the_answers_anonymous(kind: MessageKind) -> None:
    for language, words in (("nl", "niet anoniem"), ("en", "not anonymous")):
        for body in bodies(mail(kind, language)):
            assert words in body
            assert len(re.findall("anoniem|anonymous", body)) == 1


# Days and times


@pytest.mark.parametrize(
    ("starts", "length", "nl", "en"),
    [
        pytest.param(
            datetime(2026, 10, 7, 11, 30, tzinfo=UTC),
            timedelta(hours=3),
            "woensdag 7 oktober 2026, 13:30–16:30 uur",
            "Wednesday 7 October 2026, 13:30–16:30",
            id="summer-time",
        ),
        pytest.param(
            datetime(2027, 3, 1, 8, 5, tzinfo=UTC),
            timedelta(hours=3),
            "maandag 1 maart 2027, 09:05–12:05 uur",
            "Monday 1 March 2027, 09:05–12:05",
            id="winter-time",
        ),
        pytest.param(
            datetime(2026, 12, 31, 22, 0, tzinfo=UTC),
            timedelta(hours=2),
            "donderdag 31 december 2026, 23:00 uur – vrijdag 1 januari 2027, 01:00 uur",
            "Thursday 31 December 2026, 23:00 – Friday 1 January 2027, 01:00",
            id="past-midnight",
        ),
    ],
)
def test_times_are_told_in_the_gatherings_own_zone(
    starts: datetime, length: timedelta, nl: str, en: str
) -> None:
    assert period(starts, "nl", starts + length, "Europe/Amsterdam") == nl
    assert period(starts, "en", starts + length, "Europe/Amsterdam") == en
    assert nl.startswith(moment(starts, "nl", "Europe/Amsterdam").removesuffix(" uur"))


def test_a_day_is_written_in_full() -> None:
    assert (day(date(2028, 2, 29), "nl"), day(date(2028, 2, 29), "en")) == (
        "29 februari 2028",
        "29 February 2028",
    )


# Colours


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_all_text_has_enough_contrast_in_light_and_dark() -> None:
    """WCAG 2.2 §1.4.3: 4.5:1, for each text colour on each ground, and white on the button."""
    light = (TEMPLATES / "style.css").read_text()
    dark = (TEMPLATES / "base.html").read_text().split("prefers-color-scheme: dark")[1]
    for css in (light, dark):
        buttons = [rule for rule in css.splitlines() if re.match(r"\s*\.(press|button)", rule)]
        rest = "\n".join(rule for rule in css.splitlines() if rule not in buttons)
        inks = set(re.findall(r"(?<![-\w])color: (#\w{6})", rest))
        grounds = set(re.findall(r"background-color: (#\w{6})", rest))
        assert len(inks) >= 3
        assert len(grounds) >= 3
        for ink in inks:
            for ground in grounds:
                assert contrast(ink, ground) >= 4.5, (ink, ground)
        for ground in set(re.findall(r"background-color: (#\w{6})", "\n".join(buttons))):
            assert contrast("#ffffff", ground) >= 4.5


@pytest.mark.parametrize("kind", [MessageKind.NOTICE, MessageKind.REMINDER])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_title_that_asks_keeps_its_own_mark_and_another_gets_a_point(
    kind: MessageKind, language: str
) -> None:
    for title, ending in (("Wat nam je mee?", "Wat nam je mee?"), ("De planning", "De planning.")):
        text, html = bodies(mail(kind, language, replace(CONTEXT_OF[kind], title=title, text="")))
        assert f"{ending}\n" in text
        assert f"{ending}</p>" in html


def test_a_welcome_with_words_of_its_own_greets_once() -> None:
    for text, times in (("Fijn dat je meedoet. We beginnen.", 1), ("", 1)):
        for body in bodies(
            mail(MessageKind.WELCOME, "nl", replace(CONTEXT_OF[MessageKind.WELCOME], text=text))
        ):
            assert body.count("Fijn dat je meedoet.") == times


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", ("Ik kom op 7 oktober om 13:30 uur", "Misschien op 14 oktober om 15:00 uur")),
        ("en", ("I will come on 7 October at 13:30", "Maybe on 14 October at 15:00")),
    ],
)
def test_each_link_of_a_nudge_says_by_itself_which_gathering_it_is_about(
    language: str, said: tuple[str, ...]
) -> None:
    text, html = (each.replace("\xa0", " ") for each in bodies(mail(MessageKind.NUDGE, language)))
    for words in said:
        assert f"\n{words}: https://" in text
        assert f">{words}</a>" in html
    nudge = CONTEXT_OF[MessageKind.NUDGE]
    first, second = nudge.lines
    twins = replace(nudge, lines=(first, replace(second, starts_at=first.starts_at)))
    for context in (nudge, twins):
        text, html = bodies(mail(MessageKind.NUDGE, language, context))
        assert findings_of(html, language) == []
        names = re.findall(r"\n([^\n]+): https://[^\n]+#", text)
        assert len(names) == len(set(names)) == 6
    assert "(Studiemiddag drama): https://" in text  # at one moment only the title tells them apart
    one = bodies(mail(MessageKind.NUDGE, language, replace(nudge, lines=(first,))))[0]
    assert f"\n{said[0].partition(' o')[0]}: https://" in one
