"""Laws of composing: the bytes are exact, safe and the same each time, and nothing missing reaches a mail."""

import re
from dataclasses import MISSING, fields, replace
from datetime import date, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import format_datetime, parseaddr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_samples import (
    CONTEXT_OF,
    EVERY_MAIL,
    GATHERING,
    HEAD,
    bodies,
    calendar_for,
    mail,
    parsed,
    tree,
)

from calendars.lint_mail import lint_mail
from models.enums import MessageKind
from traject import compose as compose_module
from traject.compose import CALENDAR_METHODS, compose
from traject.mail_bytes import one_line
from traject.mail_contexts import (
    CONTEXTS,
    ComposeError,
    StageLine,
    UpcomingLine,
)
from traject.mail_words import LANGUAGES


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
    head = replace(
        HEAD,
        list_unsubscribe=("https://traject.example/u/1", "mailto:cmk+u-1@hart.example?subject=unsubscribe"),
        references="<first@traject.example>",
    )
    message = parsed(mail(MessageKind.NOTICE, head=head))
    assert message["List-Unsubscribe"] == (
        "<https://traject.example/u/1>, <mailto:cmk+u-1@hart.example?subject=unsubscribe>"
    )
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


@settings(max_examples=150)
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
        ("list_unsubscribe", ("javascript:alert(1)",)),
        ("list_unsubscribe", ("https://a.example/>\r\nBcc: x@evil.example",)),
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


@settings(max_examples=30)
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
