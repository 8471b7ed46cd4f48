"""Replies that break a rule of writing and still say plainly who answers what; and what an opaque signature holds."""

import base64

import pytest
from test_reply import BASE64, INLINE, JAN, PLAIN, alternative, calendar, mail, outcome, parts, read_reply

from calendars.mail_parts import MAX_BOUNDARIES, MAX_DEPTH
from calendars.reply import NotAReply, NotAReplyKind
from calendars.signed_content import signed_content
from calendars.verdict import Outcome
from models.enums import PartStat


def answered(attendee: str, address: str = f":mailto:{JAN}") -> bytes:
    return alternative(calendar(attendee=f"{attendee}{address}"))


MIS_WRITTEN = {
    "a colon in a name, before the answer": answered(";CN=School: Jan;PARTSTAT=ACCEPTED"),
    "a semicolon in a name": answered(";CN=Jan;de Wit;PARTSTAT=ACCEPTED"),
    "quotes within a name": answered(';CN="Jan "de" Wit";PARTSTAT=ACCEPTED'),
    "a quote that stays open": answered(';CN="Jan;PARTSTAT=ACCEPTED'),
    "blanks before parameters": answered("; PARTSTAT=ACCEPTED; CN=Jan"),
    "an empty parameter": answered(";CN=;PARTSTAT=ACCEPTED;"),
    "an address as Exchange keeps it": answered(";PARTSTAT=ACCEPTED", f":SMTP:{JAN}"),
    "an address with a subject": answered(";PARTSTAT=ACCEPTED", f":mailto:{JAN}?subject=Studiemiddag"),
    "a UID in capitals": alternative(calendar().replace(b"UID:7f0c@traject", b"UID:7F0C@TRAJECT")),
    "base64 that does not say so": alternative(base64.encodebytes(calendar())),
}


@pytest.mark.parametrize("name", MIS_WRITTEN)
def test_a_reply_that_is_written_wrongly_counts_when_it_is_plain_who_answers(name):
    found = read_reply(MIS_WRITTEN[name])
    assert (outcome(found), found.attendee, found.partstat) == (Outcome.COUNTED, JAN, PartStat.ACCEPTED)


def test_who_somebody_answers_for_does_not_become_the_one_who_answers():
    found = read_reply(answered(f';CN="x;SENT-BY="mailto:{JAN}";PARTSTAT=ACCEPTED', ":mailto:piet@x.example"))
    assert outcome(found) is Outcome.QUARANTINED


def test_what_a_text_says_of_an_attendee_does_not_become_one():
    noise = f"X-ATTENDEE;PARTSTAT=ACCEPTED:mailto:{JAN}\nDESCRIPTION:ATTENDEE;PARTSTAT=ACCEPTED:mailto:{JAN}"
    found = read_reply(alternative(calendar(attendee=';CN="x;', more=noise)))
    assert (found.attendee, found.partstat) == (None, None)
    assert outcome(found) is Outcome.QUARANTINED


def ber(tag: int, content: bytes, *, has_length: bool = True) -> bytes:
    """One element (X.690), its length first or its end marked."""
    if not has_length:
        return bytes([tag, 0x80]) + content + b"\0\0"
    length = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + length + content


def signed(entity: bytes, *, has_length: bool = True, kind: str = "02") -> bytes:
    """What openssl cms -sign -nodetach makes of a MIME entity, without the certificates at the end."""
    chunks = (entity[at : at + 100] for at in range(0, len(entity), 100))
    octets = (
        ber(0x04, entity)
        if has_length
        else ber(0x24, b"".join(ber(0x04, each) for each in chunks), has_length=False)
    )
    oid, data = (ber(0x06, bytes.fromhex(f"2a864886f70d0107{each}")) for each in (kind, "01"))
    content = ber(0x30, data + ber(0xA0, octets, has_length=has_length), has_length=has_length)
    algorithms = ber(0x31, ber(0x30, ber(0x06, b"\x2a\x03")), has_length=has_length)
    body = ber(0x30, ber(0x02, b"\x01") + algorithms + content, has_length=has_length)
    return ber(0x30, oid + ber(0xA0, body, has_length=has_length), has_length=has_length)


def enveloped(octets: bytes, kind: str = "pkcs7-mime; smime-type=signed-data") -> bytes:
    return mail(base64.encodebytes(octets), BASE64, f'Content-Type: application/{kind}; name="smime.p7m"')


def entity(body: bytes) -> bytes:
    content, content_type = parts("alternative", PLAIN, (INLINE, body))
    return f"{content_type}\r\n\r\n".encode() + content


@pytest.mark.parametrize("has_length", [True, False], ids=["DER", "BER, in pieces"])
def test_a_reply_in_an_opaque_signature_counts(has_length):
    found = read_reply(enveloped(signed(entity(calendar()), has_length=has_length)))
    assert outcome(found) is Outcome.COUNTED


def test_a_gateway_that_renames_the_type_hides_nothing():
    assert outcome(read_reply(enveloped(signed(entity(calendar())), "octet-stream"))) is Outcome.COUNTED


def test_what_is_encrypted_or_cut_short_is_a_mail_for_a_person():
    whole = signed(entity(calendar()))
    for octets in (signed(entity(calendar()), kind="03"), whole[:200], b"", b"0\x80" * 500):
        found = read_reply(enveloped(octets))
        assert isinstance(found, NotAReply)
        assert found.kind is NotAReplyKind.ORDINARY


def test_what_is_signed_is_held_to_the_limits_of_a_mail():
    many = b"".join(b"boundary=x\r\n" for _ in range(MAX_BOUNDARIES + 1))
    deep = entity(calendar())
    for _ in range(MAX_DEPTH + 1):
        deep = b"Content-Type: application/pkcs7-mime\r\n\r\n" + signed(deep)
    for octets in (signed(many), signed(deep)):
        found = read_reply(enveloped(octets))
        assert isinstance(found, NotAReply)
        assert found.kind is NotAReplyKind.BROKEN


def test_content_in_pieces_within_pieces_without_end_is_none():
    assert signed_content(b"\x24\x80" * 100_000) is None
    assert signed_content(signed(b"x", has_length=False)[:-10]) == b"x"
