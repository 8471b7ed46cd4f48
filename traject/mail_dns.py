"""What the DNS says of the domain that mail is sent from: will it be believed, and do answers find their way back.

SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489), MX (RFC 5321 §5.1, RFC 7505), reverse names (RFC 8601 §2.7.3).
Traject signs nothing itself: DKIM is the relay's. Only what the DNS shows is judged; what it cannot show is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
import dns.reversename
from dns.resolver import Resolver

from traject.programme import Text
from traject.rates import domain_of
from traject.settings import Settings
from traject.spf import Spf, SpfFault, read_spf

Address = IPv4Address | IPv6Address

ANSWER_WITHIN = 2.0
"""Seconds for one question, all tries together."""

MADE_UP = frozenset({"example", "test", "invalid", "localhost", "local", "internal"})
"""Last parts of names that no DNS knows (RFC 2606, RFC 6761, RFC 6762)."""

INCLUDES = {"exchange-online": "spf.protection.outlook.com", "google-workspace": "_spf.google.com"}
SELECTORS = {"exchange-online": ("selector1", "selector2"), "google-workspace": ("google",)}


NONE = Text("")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `is_ok` is also True when it cannot be seen; `found` then says so."""

    part: str
    is_ok: bool
    found: Text
    remedy: Text = NONE


class NoDns(Exception):
    """No name server answers."""


class Names:
    """Questions to the DNS. NoDns when nobody answers; nothing found is an empty answer."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def _ask(self, name: str, kind: str) -> list[str]:
        try:
            answer = self._resolver.resolve(name, kind, lifetime=ANSWER_WITHIN, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.Timeout, dns.resolver.NoNameservers, OSError) as error:
            raise NoDns(str(error)) from error
        except dns.exception.DNSException:  # a name that cannot exist: nothing is there
            return []
        if kind == "TXT":
            return [b"".join(record.strings).decode("ascii", "replace") for record in answer]
        return [record.to_text() for record in answer]

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each in one piece."""
        return self._ask(name, "TXT")

    def addresses(self, name: str) -> list[Address]:
        """The addresses of a name; an address is its own."""
        try:
            return [ip_address(name)]
        except ValueError:
            return [ip_address(found) for kind in ("A", "AAAA") for found in self._ask(name, kind)]

    def mail_hosts(self, name: str) -> list[str]:
        """Who takes mail for a domain, the preferred first; `.`: nobody (RFC 7505)."""
        found = sorted((int(number), host) for number, host in (x.split() for x in self._ask(name, "MX")))
        return [host if host == "." else host.rstrip(".") for _, host in found]

    def reverse(self, address: Address) -> list[str]:
        """The names of an address."""
        return [x.rstrip(".") for x in self._ask(dns.reversename.from_address(str(address)).to_text(), "PTR")]


def system_resolver() -> Resolver | None:
    """The name servers of this machine; None when it has none."""
    try:
        return Resolver()
    except dns.resolver.NoResolverConfiguration:
        return None


def look(settings: Settings, resolver: Resolver | None) -> list[Finding]:
    """Look at everything that the DNS can show of the sender's domain; nothing is changed, and no mail is sent."""
    domain = domain_of(settings.sender[1])
    if domain.rpartition(".")[2] in MADE_UP:
        return [_unseen(Text(f"{domain} is een verzonnen domein", f"{domain} is a made-up domain"))]
    no_answer = Text("geen naamserver antwoordt", "no name server answers")
    if resolver is None:
        return [_unseen(no_answer)]
    names = Names(resolver)
    try:
        relay = names.addresses(urlsplit(settings.mail_url).hostname or "")
        return [
            _spf(names, settings, domain, relay),
            _dkim(names, settings, domain),
            _dmarc(names, domain),
            _mx(names, domain),
            _reverse(names, settings, relay),
        ]
    except NoDns:
        return [_unseen(no_answer)]


def _unseen(why: Text) -> Finding:
    return Finding(
        "dns",
        True,
        Text(
            f"{why.nl}: SPF, DKIM en DMARC zijn niet te zien", f"{why.en}: SPF, DKIM and DMARC cannot be seen"
        ),
    )


def _spf(names: Names, settings: Settings, domain: str, relay: Sequence[Address]) -> Finding:
    include = INCLUDES.get(settings.mail_provider)
    wanted = f"include:{include}" if include else " ".join(f"ip{a.version}:{a}" for a in relay if a.is_global)
    own = Text(f"zet dit TXT-record bij {domain}: ", f"set this TXT record at {domain}: ")
    record = f"v=spf1 {wanted} -all" if wanted else "v=spf1 ip4:ADRES -all"
    remedy = Text(own.nl + record, own.en + record.replace("ADRES", "ADDRESS"))
    try:
        spf = read_spf(names, domain)
    except SpfFault as fault:
        return Finding("spf", False, fault.found, remedy)
    if spf is None:
        return Finding(
            "spf", False, Text(f"{domain} heeft geen SPF-record", f"{domain} has no SPF record"), remedy
        )
    return _judge_spf(spf, domain, include, relay)


def _judge_spf(spf: Spf, domain: str, include: str | None, relay: Sequence[Address]) -> Finding:
    said = f"{domain}: {spf.text}"
    if include:
        if include in spf.includes:
            return Finding("spf", True, Text(said))
        return Finding(
            "spf",
            False,
            Text(f"{said}; {include} ontbreekt", f"{said}; {include} is missing"),
            Text(
                f"voeg include:{include} toe aan het SPF-record", f"add include:{include} to the SPF record"
            ),
        )
    seen = [address for address in relay if address.is_global]
    if any(spf.allows(address) for address in seen):
        return Finding("spf", True, Text(f"{said} (noemt de mailserver)", f"{said} (names the mail server)"))
    if not seen:
        return Finding(
            "spf",
            True,
            Text(
                f"{said}; met welk adres de mailserver naar buiten gaat is hier niet te zien",
                f"{said}; the address that the mail server sends from cannot be seen here",
            ),
        )
    listed = ", ".join(map(str, seen))
    return Finding(
        "spf",
        False,
        Text(
            f"{said}; de mailserver ({listed}) staat er niet in",
            f"{said}; the mail server ({listed}) is not in it",
        ),
        Text(
            "voeg het adres toe waarmee de mailserver verstuurt, of stel TRAJECT_MAIL_PROVIDER in",
            "add the address that the mail server sends from, or set TRAJECT_MAIL_PROVIDER",
        ),
    )


def _dkim(names: Names, settings: Settings, domain: str) -> Finding:
    own = settings.dkim_selector
    selectors = (own,) if own else SELECTORS.get(settings.mail_provider, ())
    if not selectors:
        return Finding(
            "dkim",
            True,
            Text(
                "de mailserver tekent, niet Traject; zonder TRAJECT_DKIM_SELECTOR is dat niet te zien",
                "the mail server signs, not Traject; without TRAJECT_DKIM_SELECTOR that cannot be seen",
            ),
        )
    for selector in selectors:
        name = f"{selector}._domainkey.{domain}"
        for record in names.texts(name):
            if _tags(record).get("p"):
                return Finding("dkim", True, Text(f"{name} heeft een sleutel", f"{name} has a key"))
    listed = ", ".join(f"{selector}._domainkey.{domain}" for selector in selectors)
    return Finding(
        "dkim",
        False,
        Text(f"geen sleutel bij {listed}", f"no key at {listed}"),
        Text(
            "zet DKIM voor dit domein aan bij de mailserver en plaats het record dat die geeft; "
            "heet het anders, zet dan TRAJECT_DKIM_SELECTOR",
            "turn DKIM on for this domain at the mail server and set the record that it gives; "
            "if it has another name, set TRAJECT_DKIM_SELECTOR",
        ),
    )


def _dmarc(names: Names, domain: str) -> Finding:
    labels = domain.split(".")
    # The domain itself, then the ones above it: a record there holds for what is below.
    for name in (".".join(labels[at:]) for at in range(len(labels) - 1)):
        records = [
            r for r in names.texts(f"_dmarc.{name}") if r.lower().replace(" ", "").startswith("v=dmarc1")
        ]
        if records:
            return _judge_dmarc(records, name, domain)
    return Finding(
        "dmarc",
        False,
        Text(f"{domain} heeft geen DMARC-record", f"{domain} has no DMARC record"),
        Text(
            f"zet bij _dmarc.{domain} dit TXT-record: v=DMARC1; p=none; Google en Microsoft vragen erom",
            f"set this TXT record at _dmarc.{domain}: v=DMARC1; p=none; Google and Microsoft ask for it",
        ),
    )


def _judge_dmarc(records: Sequence[str], name: str, domain: str) -> Finding:
    tags = _tags(records[0])
    policy = tags.get("sp", tags.get("p", "")) if name != domain else tags.get("p", "")
    if len(records) > 1 or policy.lower() not in ("none", "quarantine", "reject"):
        return Finding(
            "dmarc",
            False,
            Text(f"_dmarc.{name} is onleesbaar: {records[0]}", f"_dmarc.{name} cannot be read: {records[0]}"),
            Text(
                "laat er één record staan, met p=none, p=quarantine of p=reject",
                "leave one record, with p=none, p=quarantine or p=reject",
            ),
        )
    strict = tags.get("adkim", "r").lower() == "s"
    signer = Text(
        f"de mailserver moet tekenen als {domain}{'' if strict else ' of een deel daarvan'}",
        f"the mail server must sign as {domain}{'' if strict else ' or a part of it'}",
    )
    # The return address of every mail is at the sender's own domain, so SPF aligns, strictly too.
    return Finding(
        "dmarc",
        True,
        Text(
            f"_dmarc.{name}: p={policy}; SPF sluit aan, en voor DKIM: {signer.nl}",
            f"_dmarc.{name}: p={policy}; SPF aligns, and for DKIM: {signer.en}",
        ),
    )


def _mx(names: Names, domain: str) -> Finding:
    hosts = names.mail_hosts(domain)
    if hosts and hosts != ["."]:
        return Finding("mx", True, Text(f"{domain}: {', '.join(hosts)}"))
    if not hosts and names.addresses(domain):
        return Finding(
            "mx", True, Text(f"{domain} heeft geen MX, wel een adres", f"{domain} has no MX but an address")
        )
    return Finding(
        "mx",
        False,
        Text(f"{domain} neemt geen mail aan", f"{domain} takes no mail"),
        Text(
            "zet een MX-record, anders komen antwoorden en onbestelbare mails niet terug",
            "set an MX record, or answers and undeliverable mail will not come back",
        ),
    )


def _reverse(names: Names, settings: Settings, relay: Sequence[Address]) -> Finding:
    if settings.mail_provider in INCLUDES:
        return Finding("reverse", True, Text("van de provider", "the provider's"))
    seen = [address for address in relay if address.is_global]
    if not seen:
        return Finding(
            "reverse",
            True,
            Text(
                "met welk adres de mailserver naar buiten gaat is hier niet te zien",
                "the address that the mail server sends from cannot be seen here",
            ),
        )
    for address in seen:
        for name in names.reverse(address):
            if address in names.addresses(name):
                return Finding("reverse", True, Text(f"{address} heet {name}", f"{address} is called {name}"))
    listed = ", ".join(map(str, seen))
    return Finding(
        "reverse",
        False,
        Text(
            f"{listed} heeft geen naam die naar hetzelfde adres terugwijst",
            f"{listed} has no name that points back to the same address",
        ),
        Text(
            "laat wie het adres beheert een PTR-record zetten; veel servers weigeren mail zonder",
            "have whoever manages the address set a PTR record; many servers refuse mail without",
        ),
    )


def _tags(record: str) -> dict[str, str]:
    """`v=DMARC1; p=none` as names and values."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
