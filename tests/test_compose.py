"""Laws of composing: nothing missing reaches a mail, the bytes are exact and safe, and every kind says what it must."""

import re
from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendars.invitation import Attendee, CalendarEvent, Method, prepare
from calendars.lint_mail import lint_mail
from models.enums import MessageKind, PartStat
from traject import compose as compose_module
from traject.compose import CALENDAR_METHODS, TEMPLATES, Composed, compose
from traject.mail_bytes import CalendarPart, Head, one_line
from traject.mail_contexts import (
    CONTEXTS,
    ComposeError,
    EvaluationContext,
    GatheringContext,
    MailContext,
    NoticeContext,
    ReminderContext,
    StageLine,
    StageOpenedContext,
    TaskContext,
    UpcomingLine,
    WelcomeContext,
)
from traject.mail_words import LANGUAGES, day, moment, period

COMMON = {
    "person_name": "Marieke Öztürk",
    "organisation_name": "Basisschool 't Web & Co",
    "trajectory_title": "Cultuur op 't Web",
    "programme_title": "Individueel traject",
    "adviser_name": "Sanne de Vries",
    "adviser_email": "sanne@hart.example",
    "base_url": "https://traject.example",
    "privacy_url": "https://traject.example/privacy",
    "text": "Neem het schoolplan mee.\n\nDe koffie staat klaar.",
}
AFTERNOON = {
    "title": "Studiemiddag drama",
    "starts_at": datetime(2026, 10, 7, 11, 30, tzinfo=UTC),
    "ends_at": datetime(2026, 10, 7, 14, 30, tzinfo=UTC),
    "timezone": "Europe/Amsterdam",
    "place": "De Pletterij, Haarlem",
    "description": "We werken in drie groepen.",
    "answer_url": "https://traject.example/a/s3cret",
}
EVALUATION = {
    "school_year": "2026-2027",
    "closes_on": date(2027, 6, 30),
    "minutes": 12,
    "answer_url": "https://traject.example/e/s3cret",
    "role_title": "cultuurcoördinator",
    "questionnaire_title": "Tussentijdse evaluatie",
}
GATHERING = GatheringContext(**COMMON, **AFTERNOON)
CONTEXT_OF: dict[MessageKind, MailContext] = {
    MessageKind.WELCOME: WelcomeContext(
        **COMMON,
        role_title="cultuurcoördinator",
        starts_on=date(2026, 8, 31),
        ends_on=date(2030, 7, 5),
        retention="tot twee jaar na het einde van het traject",
        stages=(StageLine("Cultuur ervaren", date(2026, 8, 31), date(2026, 11, 27)),),
    ),
    MessageKind.STAGE_OPENED: StageOpenedContext(
        **COMMON,
        stage_title="Cultuur ervaren",
        stage_goal="Het team ervaart zelf cultuur.",
        opens_on=date(2026, 11, 30),
        ends_on=date(2027, 4, 30),
        upcoming=(UpcomingLine(date(2027, 1, 21), "Inspiratiesessie"),),
    ),
    MessageKind.REMINDER: ReminderContext(**COMMON, title="Stuur je cultuurplan"),
    MessageKind.NOTICE: NoticeContext(**COMMON, title="De landelijke monitor"),
    MessageKind.TASK: TaskContext(
        **COMMON,
        title="Bel de school",
        detail="Na 21 dagen geen antwoord.",
        due_on=date(2026, 9, 14),
        url="https://traject.example/t/12",
    ),
    MessageKind.INVITATION: GATHERING,
    MessageKind.INVITATION_UPDATE: replace(
        GATHERING,
        previous_starts_at=datetime(2026, 10, 6, 11, 0, tzinfo=UTC),
        previous_ends_at=datetime(2026, 10, 6, 14, 0, tzinfo=UTC),
        previous_place="De Toneelschuur",
        reason="De zaal was dubbel geboekt.",
    ),
    MessageKind.CANCELLATION: replace(GATHERING, reason="De docent is ziek."),
    MessageKind.GATHERING_REMINDER: replace(GATHERING, partstat=PartStat.ACCEPTED),
    MessageKind.EVALUATION_REQUEST: EvaluationContext(**COMMON, **EVALUATION),
    MessageKind.EVALUATION_REMINDER: EvaluationContext(**COMMON, **EVALUATION),
}
HEAD = Head(
    message_id="<k1.ab-c@traject.example>",
    date=datetime(2026, 9, 1, 8, 0, tzinfo=UTC),
    from_name="Hart Haarlem",
    from_email="traject@hart.example",
    to_name="Marieke Öztürk",
    to_email="marieke@school.example",
    reply_to="traject+tag1@hart.example",
)
EVENT = CalendarEvent(
    uid="g1@traject.example",
    sequence=2,
    dtstamp=datetime(2026, 9, 1, 8, 0, tzinfo=UTC),
    starts_at=GATHERING.starts_at,
    ends_at=GATHERING.ends_at,
    timezone="Europe/Amsterdam",
    summary="Studiemiddag drama",
    organizer_name="Hart Haarlem",
    organizer_email="traject+tag1@hart.example",
)
EVERY_MAIL = [
    pytest.param(kind, language, id=f"{language}-{kind}") for kind in MessageKind for language in LANGUAGES
]


def calendar_for(kind: MessageKind) -> CalendarPart | None:
    method = CALENDAR_METHODS.get(kind)
    if method is None:
        return None
    attendee = Attendee("Marieke Öztürk", HEAD.to_email)
    return CalendarPart(method, prepare(EVENT, Method(method)).for_attendee(attendee))


def mail(
    kind: MessageKind, language: str = "nl", context: MailContext | None = None, head: Head = HEAD
) -> Composed:
    return compose(kind, language, context or CONTEXT_OF[kind], head, calendar=calendar_for(kind))


def parsed(composed: Composed) -> EmailMessage:
    return message_from_bytes(composed.data, policy=policy.default)


def bodies(composed: Composed) -> tuple[str, str]:
    """The plain text and the HTML."""
    message = parsed(composed)
    return tuple(message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))


def tree(part: EmailMessage) -> object:
    if part.is_multipart():
        return [part.get_content_type(), *map(tree, part.iter_parts())]
    return part.get_content_type()


# What every mail is


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
    assert COMMON["privacy_url"] in text
    assert f'href="{COMMON["privacy_url"]}"' in html
    assert "Neem het schoolplan mee." in text
    assert "Neem het schoolplan mee." in html
    assert f'<html lang="{language}"' in html
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


@pytest.mark.parametrize(("kind", "language"), EVERY_MAIL)
def test_the_bytes_pass_any_server(kind: MessageKind, language: str) -> None:
    data = mail(kind, language).data
    assert data.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data)
    assert data.endswith(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 110  # RFC 5322 allows 998


@pytest.mark.parametrize("kind", CALENDAR_METHODS, ids=str)
def test_a_calendar_mail_has_the_tree_that_every_client_understands(kind: MessageKind) -> None:
    composed = mail(kind)
    message = parsed(composed)
    assert tree(message) == [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", "text/html", "text/calendar"],
        "application/ics",
    ]
    alternative, attachment = message.iter_parts()
    inline = list(alternative.iter_parts())[2]
    assert inline["Content-Disposition"] is None
    assert inline.get_param("method") == CALENDAR_METHODS[kind]
    assert inline.get_param("charset") == "UTF-8"
    assert attachment["Content-Disposition"] == 'attachment; filename="invite.ics"'
    assert inline.get_payload(decode=True) == attachment.get_payload(decode=True) == calendar_for(kind).data
    assert lint_mail(composed.data) == []


@pytest.mark.parametrize("kind", sorted(set(MessageKind) - set(CALENDAR_METHODS)), ids=str)
def test_any_other_mail_is_text_and_html(kind: MessageKind) -> None:
    assert tree(parsed(mail(kind))) == ["multipart/alternative", "text/plain", "text/html"]


# Headers


def test_the_headers_are_these_and_no_others() -> None:
    message = parsed(mail(MessageKind.NOTICE))
    assert dict(message.items()) == {
        "Message-ID": HEAD.message_id,
        "Date": format_datetime(HEAD.date),
        "From": "Hart Haarlem <traject@hart.example>",
        "To": "Marieke Öztürk <marieke@school.example>",
        "Reply-To": "traject+tag1@hart.example",
        "Subject": "De landelijke monitor",
        "References": HEAD.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "Content-Language": "nl",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }


def test_unsubscribe_headers_stand_only_where_a_link_is_given() -> None:
    head = replace(HEAD, list_unsubscribe="https://traject.example/u/1", references="<first@traject.example>")
    message = parsed(mail(MessageKind.NOTICE, head=head))
    assert message["List-Unsubscribe"] == "<https://traject.example/u/1>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["References"] == "<first@traject.example> <k1.ab-c@traject.example>"


NASTY = st.one_of(
    st.text(max_size=120),
    st.text(alphabet='ab "\\<>@,;:()=?\r\n\t\x00\x85\u2028é漢🎭', max_size=200),
    st.sampled_from(
        [
            "x\r\nBcc: victim@evil.example",
            "=?utf-8?q?Hart?=",
            "a" * 1200,
            "é" * 400,
            "word " * 300,
            "--=_",
            ".",
            "\n.\n",
            "From me",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(name=NASTY, title=NASTY, text=NASTY)
def test_any_name_title_and_text_arrive_as_they_were_and_add_no_header(
    name: str, title: str, text: str
) -> None:
    context = replace(CONTEXT_OF[MessageKind.NOTICE], title=f"T {title}", text=text)
    composed = mail(
        MessageKind.NOTICE, context=context, head=replace(HEAD, to_name=name, from_name=f"{name} van Hart")
    )
    message = parsed(composed)
    assert message.keys() == parsed(mail(MessageKind.NOTICE)).keys()
    assert message["Subject"] == composed.subject == one_line(f"T {title}")
    for header, wanted in (("To", one_line(name)), ("From", one_line(f"{name} van Hart"))):
        # Not policy.default: in 3.11 it puts a blank between the encoded words of a name (RFC 2047 §6.2 has none).
        raw = message_from_bytes(composed.data, policy=policy.compat32)[header]
        shown, _ = parseaddr(raw.replace("\r\n", ""))
        assert str(make_header(decode_header(shown))) == wanted
    assert message["To"].addresses[0].addr_spec == HEAD.to_email
    assert tree(message) == ["multipart/alternative", "text/plain", "text/html"]
    assert composed.data.isascii()
    assert max(map(len, composed.data.split(b"\r\n"))) <= 200
    visible = "".join(c for c in text if c >= " " and c != "\x7f").split()
    assert "".join(visible) in "".join(bodies(composed)[0].split())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to_email", "jörg@school.example"),
        ("to_email", "jan@schoöl.example"),
        ("to_email", "jan@school.example\r\nBcc: x@evil.example"),
        ("to_email", "jan@school.example, piet@school.example"),
        ("to_email", ""),
        ("from_email", "geen adres"),
        ("reply_to", "Hart <traject@hart.example>"),
        ("message_id", "k1@traject.example"),
        ("message_id", "<k1@traject.example>\r\nBcc: x@evil.example"),
        ("references", "<a@b.example>\n<c@d.example>"),
        ("list_unsubscribe", "javascript:alert(1)"),
        ("list_unsubscribe", "https://a.example/>\r\nBcc: x@evil.example"),
        ("date", datetime(2026, 9, 1, 8, 0)),  # noqa: DTZ001
    ],
)
def test_a_head_that_cannot_be_sent_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ComposeError, match=f"head.{field}"):
        mail(MessageKind.NOTICE, head=replace(HEAD, **{field: value}))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ComposeError, match="half a character"):
        mail(MessageKind.NOTICE, context=replace(CONTEXT_OF[MessageKind.NOTICE], text="a\ud800b"))


# Same input, same bytes


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(MessageKind),
    language=st.sampled_from(LANGUAGES),
    name=st.text(min_size=1).filter(str.strip),
)
def test_the_same_input_gives_the_same_bytes(kind: MessageKind, language: str, name: str) -> None:
    context = replace(CONTEXT_OF[kind], person_name=name)
    first = mail(kind, language, context)
    compose_module._environment.cache_clear()
    compose_module._templates.cache_clear()
    assert mail(kind, language, replace(context)) == first


def test_an_equal_instant_told_from_another_zone_gives_the_same_bytes() -> None:
    elsewhere = HEAD.date.astimezone(ZoneInfo("Asia/Tokyo"))
    assert mail(MessageKind.NOTICE, head=replace(HEAD, date=elsewhere)) == mail(MessageKind.NOTICE)


def test_another_mail_has_other_boundaries() -> None:
    other = parsed(mail(MessageKind.NOTICE, head=replace(HEAD, message_id="<k2@traject.example>")))
    assert other.get_boundary() != parsed(mail(MessageKind.NOTICE)).get_boundary()


# A missing value stops the mail


def required() -> list[object]:
    found: list[object] = []
    for kind, context in CONTEXTS.items():
        for field in fields(context):
            if field.default is MISSING:
                found.append(pytest.param(kind, field.name, None, id=f"{kind}-{field.name}-none"))
                if isinstance(getattr(CONTEXT_OF[kind], field.name), str):
                    found.append(pytest.param(kind, field.name, " \n", id=f"{kind}-{field.name}-blank"))
    return found


@pytest.mark.parametrize(("kind", "field", "value"), required())
def test_a_missing_value_stops_the_mail_and_is_named(kind: MessageKind, field: str, value: object) -> None:
    with pytest.raises(ComposeError) as caught:
        mail(kind, context=replace(CONTEXT_OF[kind], **{field: value}))
    assert (caught.value.kind, caught.value.field, caught.value.template) == (kind, field, f"nl/{kind}")
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "field", "value", "named"),
    [
        (MessageKind.INVITATION, "answer_url", "", "answer_url"),
        (MessageKind.INVITATION, "answer_url", "javascript:alert(1)", "answer_url"),
        (MessageKind.INVITATION, "answer_url", 'https://a.example/"onclick=', "answer_url"),
        (MessageKind.INVITATION, "starts_at", datetime(2026, 10, 7, 13, 30), "starts_at"),  # noqa: DTZ001
        (MessageKind.INVITATION, "timezone", "Mars/Olympus", "timezone"),
        (MessageKind.INVITATION, "text", None, "text"),
        (MessageKind.NOTICE, "adviser_email", "sanne", "adviser_email"),
        (
            MessageKind.WELCOME,
            "stages",
            (StageLine("", date(2026, 1, 1), date(2026, 2, 1)),),
            r"stages\[0\].title",
        ),
        (MessageKind.STAGE_OPENED, "upcoming", (UpcomingLine(None, "Sessie"),), r"upcoming\[0\].on"),
    ],
)
def test_a_wrong_value_stops_the_mail_and_is_named(
    kind: MessageKind, field: str, value: object, named: str
) -> None:
    with pytest.raises(ComposeError, match=named):
        mail(kind, context=replace(CONTEXT_OF[kind], **{field: value}))


def test_the_wrong_context_language_or_calendar_is_refused() -> None:
    notice, invitation = CONTEXT_OF[MessageKind.NOTICE], MessageKind.INVITATION
    cancel = calendar_for(MessageKind.CANCELLATION)
    with pytest.raises(ComposeError, match="needs a GatheringContext, got a NoticeContext"):
        mail(invitation, context=notice)
    with pytest.raises(ComposeError, match="choose one of nl, en"):
        mail(invitation, "fr")
    with pytest.raises(ComposeError, match="needs a calendar part with METHOD REQUEST, got None"):
        compose(invitation, "nl", GATHERING, HEAD)
    with pytest.raises(ComposeError, match="METHOD REQUEST, got CANCEL"):
        compose(invitation, "nl", GATHERING, HEAD, calendar=cancel)
    with pytest.raises(ComposeError, match="METHOD:REQUEST does not stand in the calendar part"):
        compose(invitation, "nl", GATHERING, HEAD, calendar=replace(cancel, method="REQUEST"))
    with pytest.raises(ComposeError, match="METHOD None, got CANCEL"):
        compose(MessageKind.NOTICE, "nl", notice, HEAD, calendar=cancel)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{ reason }}", "None cannot be written"),
        ("{{ nmae }}", "'nmae' is undefined"),
        ("{{ on }}", "cannot be written"),
    ],
)
def test_a_template_cannot_write_what_is_absent_or_no_text(source: str, problem: str) -> None:
    template = compose_module._environment("nl").from_string(source)
    with pytest.raises(ComposeError, match=problem):
        compose_module._render(MessageKind.NOTICE, template, {"reason": None, "on": date(2026, 1, 1)})


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


@settings(max_examples=200, deadline=None)
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
    assert "Wanneer was: dinsdag 6 oktober 2026, 13:00–16:00 uur\n" in text
    assert "Wanneer wordt: woensdag 7 oktober 2026, 13:30–16:30 uur\n" in text
    assert "Waar was: De Toneelschuur\nWaar wordt: De Pletterij, Haarlem\n" in text
    assert html.index("dinsdag 6 oktober") < html.index("woensdag 7 oktober", html.index("dinsdag 6 oktober"))
    assert "Een eerder antwoord telt na deze wijziging niet meer" in text


@pytest.mark.parametrize(
    ("changes", "has", "lacks"),
    [
        ({"previous_place": ""}, "Waar was: Nog niet bekend", "Wanneer was"),
        ({"previous_ends_at": datetime(2026, 10, 7, 14, 0, tzinfo=UTC)}, "13:30–16:00 uur", "Waar was"),
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
        assert "geannuleerd" in body
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
