"""Which addresses a delivery report says it could not reach, why, and which mail it is about.

The machine-readable part (RFC 3464) counts first, as far as it goes; barely half of the real reports have one, so what
a server wrote for people is read too. What a report returns of the mail is never read as the server's own words.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from calendars.bounce_reasons import CODE, HARD, STATUS, Reason, of_codes, of_reply, of_words, says_nobody
from calendars.bounce_text import (
    addresses,
    bare_names,
    is_delayed,
    is_of_words,
    is_report_subject,
    mentions,
    named,
    opens_as_report,
    own_words,
    says_delivered,
    says_failed,
    text_of,
)
from calendars.machine_mail import why_bounce
from calendars.mail_parts import Part, read_mail

MAX_FAILURES = 100
MAX_HEAD = 8 * 1024  # characters of the header of a mail that is returned as text

_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")
_UID = re.compile(r"^UID:[ \t]*([!-~]{1,250})", re.MULTILINE | re.IGNORECASE)
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/partial")
_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_RECIPIENTS = ("Final-Recipient", "Original-Recipient", "X-Actual-Recipient")
_WENT_WELL = ("delivered", "deliverable", "relayed", "expanded")
_FINER = (
    Reason.SPAM,
    Reason.VIRUS,
    Reason.BLOCKED,
    Reason.TOO_MANY,
)  # what x.6.0, x.7.0 and x.7.1 may stand for
_REFUSED_UNREAD = re.compile(
    r"(was|is|has been) (automatically )?(rejected|refused)", re.IGNORECASE
)  # RFC 5429
_NOT_OF_ADDRESS = (Reason.MAILBOX_FULL, Reason.SUSPENDED)  # what servers say with a 5.1.1 all the same
_NOT_AFTER_CODE = (*_FINER, Reason.TOO_BIG)  # and what they say right behind it
_AFTER_MAIL = re.compile(r"(in reply to|after) MAIL FROM|^>>> MAIL F[^\n]{0,200}\n<<< [45]", re.MULTILINE)
_AFTER_DATA = re.compile(r"in reply to end of DATA|^>>> DATA\n<<< 5", re.MULTILINE)
_GIVEN = re.compile(
    r"\(reason: ([^\n]{1,500})\)[ \t]*$", re.MULTILINE
)  # sendmail: what the other server said
_HEAD = re.compile(r"^(?:[A-Za-z-]{1,40}:.{0,900}\n(?:[ \t]+\S.{0,900}\n){0,40}){2,}", re.MULTILINE)
_BLOCK = re.compile(  # lines of fields, with what is folded under them
    r"^((?:Original-Recipient|Final-Recipient):.{1,500}\n(?:[A-Za-z-]{1,40}:.{0,500}\n|[ \t]+\S.{0,500}\n){0,40})",
    re.MULTILINE,
)
_DAEMON = re.compile(r"mailer-?daemon|mail delivery (sub)?system", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that a mail did not reach: the address in lower case, None when the report hides it."""

    address: str | None
    status: str
    """RFC 3463: the code that tells most, or the one for what the words say; empty when neither tells anything."""
    reason: Reason
    is_final: bool
    """Whether delivery was given up; False: it is still being tried."""
    also: tuple[str, ...] = ()
    """Other addresses that the report has for the same recipient: the one we wrote to, when it was passed on."""

    @property
    def is_hard(self) -> bool:
        """Whether the address itself will never work."""
        return self.is_final and self.reason in HARD


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report. Without failures it tells of a delivery that went well, or of a complaint.

    `sent_to` holds the addresses that the report came to (one is the VERP address), `message_ids` and `uids` what the
    returned part is known by.
    """

    failures: tuple[Failure, ...]
    is_complaint: bool
    sent_to: tuple[str, ...]
    message_ids: tuple[str, ...]
    uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """What a report says of one recipient: its action, codes of a Status field, and the server's words."""

    address: str | None
    action: str
    status: str
    words: str
    also: tuple[str, ...] = ()


def read_bounce(mail: Part) -> Bounce | None:
    """Return the delivery report that a mail is; None when it is none, or says nothing that can be read."""
    parts = list(mail.walk())
    types = {part.content_type for part in parts}
    is_complaint = "message/feedback-report" in types or "feedback" in mail.parameters.get("report-type", "")
    text, copy = own_words(parts)
    if "message/disposition-notification" in types and not _REFUSED_UNREAD.search(text):
        return None  # a receipt: somebody read the mail, or deleted it
    notice = _notice(text)
    if not (is_complaint or notice or _is_report(mail, text)):
        return None
    fields = _of_notice(notice) if notice else list(_of_fields(parts))
    returned = [each for part in parts if part.content_type in _RETURNED for each in _all(part)]
    failures = () if is_complaint else _failures(mail, fields, text, copy, returned)
    went_well = any(each.action in _WENT_WELL for each in fields) or says_delivered(mail.subject, text)
    if not (failures or is_complaint or went_well):
        return None
    heads = [text, copy, *mail.header_all("In-Reply-To"), *mail.header_all("References")]
    heads += [
        value for part in returned for name in ("Message-ID", "References") for value in part.header_all(name)
    ]
    heads += [text_of(part) for part in returned if part.content_type.endswith("rfc822-headers")]
    calendars = [copy, *(text_of(part) for part in returned if "calendar" in part.content_type)]
    return Bounce(
        failures=failures,
        is_complaint=is_complaint,
        sent_to=_sent_to(mail),
        message_ids=_unique(found for text in heads for found in _MESSAGE_ID.findall(text)),
        uids=_unique(found for text in calendars for found in _UID.findall(re.sub(r"\n[ \t]", "", text))),
    )


def _written_to(returned: Iterable[Part]) -> list[str]:
    return [address for part in returned for address in part.addresses("To", "Cc")]


def _head_of(copy: str) -> Iterator[Part]:
    """The header of the mail that is returned within the words; what may stand above it is no header line."""
    if found := _HEAD.search(copy[:MAX_HEAD]):
        yield read_mail(found[0].encode("utf-8", "replace"))


def _is_report(mail: Part, text: str) -> bool:
    if why_bounce(mail) or (opens_as_report(text) and says_failed(mail.subject, "")):
        return True
    is_by_machine = mail.header("Return-Path") == "<>" or mail.header("Auto-Submitted").lower() not in (
        "",
        "no",
    )
    says_so = is_by_machine or says_failed("", text) or of_words(text) is not Reason.UNDEFINED
    return is_report_subject(mail.subject) and says_so


def _failures(
    mail: Part, fields: Sequence[_Said], text: str, copy: str, returned: Sequence[Part]
) -> tuple[Failure, ...]:
    """Return who was not reached: by the machine-readable part, else by the words, which also fill its gaps."""
    said = [each for each in fields if each.action not in _WENT_WELL]
    if fields and not said:
        return ()
    in_words = list(_of_words(mail, text, copy, returned))
    if not any(each.address for each in said):
        is_daemon = _DAEMON.search(mail.header("From")) is not None
        is_meant = says_failed(mail.subject, text) or (
            in_words and (is_daemon or of_words(text) is not Reason.UNDEFINED)
        )
        if not fields and (says_delivered(mail.subject, text) or not is_meant):
            return ()
        action = "delayed" if is_delayed(mail.subject, text) else "failed"
        first = next(iter(said), _Said(None, action, "", ""))
        said = [
            replace(first, address=each.address, words=f"{first.words}\n{each.words}") for each in in_words
        ] or [first]
    own = {each.address: each.words for each in in_words} if len(said) > 1 else {}
    found = [_judge(each, own.get(each.address, text)) for each in said[:MAX_FAILURES]]
    if len(said) > 1 and all(each.reason is Reason.UNDEFINED for each in found):
        found = [_judge(each, text) for each in said[:MAX_FAILURES]]  # what is said once, of all
    return tuple({each.address: each for each in reversed(found)}.values())[::-1]


def _judge(said: _Said, text: str) -> Failure:
    """The server's own reply tells more than the Status field, as many servers fill in 5.0.0 or 5.1.1 for anything."""
    is_final = said.action != "delayed"
    replied, field, written = (CODE.findall(words) for words in (said.words, said.status, text))
    reason, code = of_codes(replied)
    given = _GIVEN.search(said.words)
    if given and not CODE.search(given[1]) and (finer := of_words(given[1])) is not Reason.UNDEFINED:
        reason, code = finer, ""
    if reason is Reason.USER_UNKNOWN:
        finer, behind = of_words(said.words), of_words(said.words.partition(code)[2][:200])
        reason = finer if finer in _NOT_OF_ADDRESS else behind if behind in _NOT_AFTER_CODE else reason
    if reason is Reason.UNDEFINED:
        reason = of_words(f"{said.words}\n{said.status}")
    for codes in (field, written):
        if reason is Reason.UNDEFINED:
            reason, code = of_codes(codes)
    if reason is Reason.UNDEFINED:
        reason = of_words(text)
    if reason is Reason.UNDEFINED:
        reason, code = of_codes([*replied, *field, *written], are_alone=True)
    for words in (said.words, text):
        if reason is Reason.UNDEFINED:
            reason = of_reply(words)
    if reason is Reason.POLICY and re.fullmatch(r"\d\.[67]\.\d\d?", code):
        # Some servers give the code of a policy to whatever they refuse.
        finer = of_words(said.words or text)
        is_unclear = code.endswith((".7.0", ".7.1", ".6.0")) and finer in _FINER
        if is_unclear or (finer is Reason.USER_UNKNOWN and says_nobody(said.words or text)):
            reason = finer
    if reason in HARD and _AFTER_MAIL.search(text):
        reason = Reason.BLOCKED  # the recipient had not even been named
    if reason is Reason.USER_UNKNOWN and not code.startswith("5.1.") and _AFTER_DATA.search(text):
        reason = Reason.FILTERED  # the address itself had been accepted
    if reason is Reason.UNDEFINED and not is_final:
        reason = Reason.DELAYED
    known = [each for each in (code, *field, *replied, *written) if each and not each.startswith("2")]
    telling = [each for each in known if not each.endswith(".0.0")]
    status = next(iter((*telling, STATUS.get(reason, ""), *known)), "")
    return Failure(said.address, status, reason, is_final, said.also)


def _of_fields(parts: Sequence[Part]) -> Iterator[_Said]:
    """The recipients of the machine-readable part (RFC 3464 §2.3); one without a known action counts as failed."""
    blocks = [block for part in parts if part.content_type in _STATUS_PARTS for block in part.parts]
    for block in blocks or _blocks_in_words(parts):
        values = [block.header(name) for name in _RECIPIENTS]
        if any(values) or block.header("Action"):
            found = [each for read in (addresses, _as_given) for value in values for each in read(value)]
            address, *also = _unique(found) or (None,)
            action = re.split(r"[\s;(]", block.header("Action").lower(), maxsplit=1)[0]
            diagnosis = block.header("Diagnostic-Code")
            yield _Said(address, action, block.header("Status"), diagnosis, tuple(filter(None, also)))


def _blocks_in_words(parts: Sequence[Part]) -> Iterator[Part]:
    """The same fields where they are no part of their own: a gateway lost the boundary, or enclosed the report as text."""
    for text in (text_of(part) for part in parts if is_of_words(part)):
        for found in _BLOCK.findall(text)[:MAX_FAILURES]:
            yield read_mail(found.encode("utf-8", "replace"))


def _as_given(value: str) -> list[str]:
    """An address of a field whose domain has no dot, is a number, or is not even allowed: there it can be nothing else."""
    given = value.partition(";")[2].strip().strip("<>").lower()
    return [given] if given.isprintable() and re.fullmatch(r"[^\s@]{1,64}@[^\s@]{1,253}", given) else []


def _of_words(mail: Part, text: str, copy: str, returned: Sequence[Part]) -> Iterator[_Said]:
    """The recipients that the words name, each with the words from its name to the next one's."""
    own = set(mail.addresses("To", "From", "Reply-To", "Sender"))
    failed = addresses(mail.header("X-Failed-Recipients"))
    found = dict.fromkeys(failed, 0) | (
        named(text, only=failed, never={*own, *_sent_to(mail)})
        or named(text, only=failed, never=own)
        or named(text, only=failed, is_sure=True)  # somebody who wrote to their own address
    )
    if not found:  # the report names nobody: the only one that the mail was to
        candidates = {*_written_to(returned), *addresses(mail.subject)} - own
        candidates = candidates or _completed(mail, text) or {*_written_to(_head_of(copy))} - own
        found = dict.fromkeys(candidates, 0) if len(candidates) < 2 else {}
    if len(found) < 2:
        yield from (_Said(address, "", "", text[start:]) for address, start in found.items())
        return
    places = {address: sorted({start, *mentions(text, address)}) for address, start in found.items()}
    starts = sorted({start for each in places.values() for start in each} | {len(text)})
    following = dict(pairwise(starts))
    for address, own in list(places.items())[:MAX_FAILURES]:
        words = "\n".join(text[start : following.get(start, len(text))] for start in own)
        yield _Said(address, "", "", words)


def _completed(mail: Part, text: str) -> set[str]:
    """The only name that stands there without its domain, at the domain of the server that writes."""
    names, (sender, *_) = bare_names(text), [*mail.addresses("From"), ""]
    domain = sender.partition("@")[2]
    return {f"{names[0]}@{domain}"} if len(names) == 1 and domain else set()


def _notice(text: str) -> dict[str, Any] | None:
    """The JSON notice that Amazon SES sends by way of SNS, or None."""
    if '"notificationType"' not in text and '"eventType"' not in text:
        return None
    try:
        found = json.JSONDecoder().raw_decode(text[text.find("{") :])[0]
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("mail"), dict) else None


def _of_notice(notice: dict[str, Any]) -> list[_Said]:
    if "Bounce" not in (notice.get("notificationType"), notice.get("eventType")):
        return [_Said(None, "delivered", "", "")]
    bounce = notice.get("bounce")
    recipients = bounce.get("bouncedRecipients") if isinstance(bounce, dict) else None
    return [
        _Said(
            next(iter(addresses(str(each.get("emailAddress")))), None),
            str(each.get("action", "failed")).lower(),
            str(each.get("status", "")),
            str(each.get("diagnosticCode", "")),
        )
        for each in (recipients if isinstance(recipients, list) else [])
        if isinstance(each, dict)
    ]


def _sent_to(mail: Part) -> tuple[str, ...]:
    return _unique(mail.addresses("Delivered-To", "X-Original-To", "Envelope-To", "To"))


def _all(part: Part) -> Iterator[Part]:
    yield part
    for child in part.parts:
        yield from _all(child)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
