"""What the doctor sees of the sender's domain, asked of a real name server on the loopback."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from threading import Thread
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver

from traject.doctor import examine
from traject.mail_dns import Finding, look
from traject.settings import Settings

WELL = {
    ("hart.nl", "TXT"): [
        '"google-site-verification=x"',
        '"v=spf1 mx ip4:198.51.99.7 " "include:post.nl -all"',
    ],
    ("post.nl", "TXT"): ['"v=spf1 ip4:8.8.4.0/24 -all"'],
    ("hart.nl", "MX"): ["10 mx.hart.nl."],
    ("mx.hart.nl", "A"): ["8.8.8.8"],
    ("relay.post.nl", "A"): ["8.8.4.4"],
    ("4.4.8.8.in-addr.arpa", "PTR"): ["relay.post.nl."],
    ("k1._domainkey.hart.nl", "TXT"): ['"v=DKIM1; k=rsa; p=MIGfMA0"'],
    ("_dmarc.hart.nl", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:dmarc@hart.nl"'],
}
"""By name and type: the records, as in a zone file."""

Zone = dict[tuple[str, str], list[str]]


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; of a name that is not in it, it says so."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = dns.message.from_wire(data)
        [question] = asked.question
        name = question.name.to_text().rstrip(".").lower()
        kind = question.rdtype.name
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        if records := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@contextmanager
def name_server(zone: Zone) -> Generator[Resolver]:
    """A name server in a thread of its own, and a resolver that asks only it."""
    loop = asyncio.new_event_loop()
    listening = loop.create_datagram_endpoint(lambda: NameServer(zone), local_addr=("127.0.0.1", 0))
    transport, _ = loop.run_until_complete(listening)
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    try:
        yield resolver
    finally:
        loop.call_soon_threadsafe(transport.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def hart(**values: object) -> Settings:
    given = {"mail_from": "Hart <cmk@hart.nl>", "smtp_url": "smtp://relay.post.nl:25", "dkim_selector": "k1"}
    return Settings().model_copy(update=given | values)


def seen(zone: Zone, settings: Settings) -> dict[str, Finding]:
    with name_server(zone) as resolver:
        return {finding.part: finding for finding in look(settings, resolver)}


def test_a_domain_that_is_well_is_said_to_be_so():
    found = seen(WELL, hart())
    assert {part: finding.is_ok for part, finding in found.items()} == dict.fromkeys(
        ("spf", "dkim", "dmarc", "mx", "reverse"), True
    )
    assert "noemt de mailserver" in found["spf"].found.nl
    assert found["dkim"].found.nl == "k1._domainkey.hart.nl heeft een sleutel"
    assert "p=reject" in found["dmarc"].found.nl
    assert found["mx"].found.nl == "hart.nl: mx.hart.nl"
    assert found["reverse"].found.nl == "8.8.4.4 heet relay.post.nl"


ILL: dict[str, tuple[str, Zone, dict[str, object], str, str]] = {
    "no SPF": ("spf", {("hart.nl", "TXT"): []}, {}, "geen SPF-record", "v=spf1 ip4:8.8.4.4 -all"),
    "two SPF records": (
        "spf",
        {("hart.nl", "TXT"): ['"v=spf1 -all"', '"v=spf1 mx -all"']},
        {},
        "2 SPF",
        "v=spf1",
    ),
    "SPF without the relay": ("spf", {("hart.nl", "TXT"): ['"v=spf1 mx -all"']}, {}, "8.8.4.4", "adres toe"),
    "SPF that says no to all before the relay": (
        "spf",
        {("hart.nl", "TXT"): ['"v=spf1 -all ip4:8.8.4.4"']},
        {},
        "staat er niet in",
        "adres toe",
    ),
    "SPF that excludes the relay": (
        "spf",
        {("hart.nl", "TXT"): ['"v=spf1 -ip4:8.8.4.4 ~all"']},
        {},
        "staat er niet in",
        "adres toe",
    ),
    "SPF that asks too often": (
        "spf",
        {("hart.nl", "TXT"): ['"v=spf1 include:hart.nl -all"']},
        {},
        "meer dan 10 keer",
        "v=spf1",
    ),
    "SPF with a wrong address": (
        "spf",
        {("hart.nl", "TXT"): ['"v=spf1 ip4:8.8.4.400 -all"']},
        {},
        "8.8.4.400",
        "v=spf1",
    ),
    "SPF without Exchange Online": (
        "spf",
        {},
        {"mail_provider": "exchange-online"},
        "spf.protection.outlook.com ontbreekt",
        "include:spf.protection.outlook.com",
    ),
    "no DKIM key": (
        "dkim",
        {("k1._domainkey.hart.nl", "TXT"): []},
        {},
        "geen sleutel",
        "TRAJECT_DKIM_SELECTOR",
    ),
    "a DKIM key that was withdrawn": (
        "dkim",
        {("k1._domainkey.hart.nl", "TXT"): ['"v=DKIM1; p="']},
        {},
        "geen sleutel",
        "TRAJECT_DKIM_SELECTOR",
    ),
    "no DKIM at Microsoft": (
        "dkim",
        {},
        {"mail_provider": "exchange-online", "dkim_selector": ""},
        "selector1._domainkey.hart.nl, selector2._domainkey.hart.nl",
        "DKIM",
    ),
    "no DMARC": ("dmarc", {("_dmarc.hart.nl", "TXT"): []}, {}, "geen DMARC", "v=DMARC1; p=none"),
    "DMARC without a policy": (
        "dmarc",
        {("_dmarc.hart.nl", "TXT"): ['"v=DMARC1; rua=mailto:x@hart.nl"']},
        {},
        "onleesbaar",
        "p=none",
    ),
    "nobody takes mail": (
        "mx",
        {("hart.nl", "MX"): [], ("hart.nl", "A"): []},
        {},
        "neemt geen mail aan",
        "MX-record",
    ),
    "a null MX": ("mx", {("hart.nl", "MX"): ["0 ."]}, {}, "neemt geen mail aan", "MX-record"),
    "no reverse name": ("reverse", {("4.4.8.8.in-addr.arpa", "PTR"): []}, {}, "8.8.4.4", "PTR-record"),
    "a reverse name that points elsewhere": (
        "reverse",
        {("4.4.8.8.in-addr.arpa", "PTR"): ["mx.hart.nl."]},
        {},
        "terugwijst",
        "PTR-record",
    ),
}


@pytest.mark.parametrize("case", ILL)
def test_each_illness_of_a_domain_is_named_with_the_record_that_mends_it(case: str):
    part, zone, values, found, remedy = ILL[case]
    finding = seen(WELL | zone, hart(**values))[part]
    assert not finding.is_ok
    assert found in finding.found.nl
    assert remedy in finding.remedy.nl
    assert finding.found.in_language("en")
    assert finding.remedy.in_language("en")


def test_what_the_dns_cannot_show_is_said_and_is_no_illness():
    local = hart(smtp_url=None, dkim_selector="")
    found = seen(WELL, local)
    assert all(finding.is_ok for finding in found.values())
    assert "hier niet te zien" in found["spf"].found.nl
    assert "tekent, niet Traject" in found["dkim"].found.nl
    assert "hier niet te zien" in found["reverse"].found.nl


def test_a_policy_above_the_domain_holds_for_it():
    zone = WELL | {
        ("_dmarc.hart.nl", "TXT"): ['"v=DMARC1; p=none; sp=quarantine; adkim=s"'],
        ("cmk.hart.nl", "MX"): ["10 mx.hart.nl."],
    }
    found = seen(zone, hart(mail_from="cmk@cmk.hart.nl"))["dmarc"]
    assert found.is_ok
    assert found.found.nl == (
        "_dmarc.hart.nl: p=quarantine; SPF sluit aan, en voor DKIM: de mailserver moet tekenen als cmk.hart.nl"
    )


def test_without_an_mx_the_address_of_the_domain_takes_the_mail():
    zone = WELL | {("hart.nl", "MX"): [], ("hart.nl", "A"): ["8.8.8.8"]}
    assert seen(zone, hart())["mx"].is_ok


@pytest.mark.parametrize("case", ["nobody answers", "no name server is known", "a made-up domain"])
def test_without_dns_that_is_said_and_the_doctor_finds_nothing_wrong(case: str, now: datetime):
    silent = Resolver(configure=False)
    silent.nameservers, silent.port = ["127.0.0.1"], 9
    silent.timeout = 0.2
    settings = Settings() if case == "a made-up domain" else hart(smtp_url="smtp://127.0.0.1:25")
    [finding] = look(settings, None if case == "no name server is known" else silent)
    assert (finding.part, finding.is_ok) == ("dns", True)
    assert "niet te zien" in finding.found.nl


def test_the_doctor_names_what_is_wrong_with_the_domain_beside_everything_else(
    settings: Settings, now: datetime
):
    ill = settings.model_copy(update={"mail_from": "cmk@hart.nl"})
    with name_server({("hart.nl", "MX"): ["10 mx.hart.nl."]}) as resolver:
        checks = {check.part: check for check in examine(ill, now, resolver)}
    assert [checks[part].is_ok for part in ("spf", "dkim", "dmarc", "mx", "reverse")] == [
        False,
        True,
        False,
        True,
        True,
    ]
    assert checks["spf"].remedy.nl
