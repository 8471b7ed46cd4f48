"""What an SPF record allows (RFC 7208): the networks and names in it, with those of the records that it includes."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Protocol

from traject.programme import Text

MOST_LOOKUPS = 10
"""RFC 7208 §4.6.4: a record that needs more is worth nothing."""


class Asks(Protocol):
    """The questions to the DNS that SPF needs."""

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name."""
        ...

    def addresses(self, name: str) -> list[IPv4Address | IPv6Address]:
        """The addresses of a name."""
        ...

    def mail_hosts(self, name: str) -> list[str]:
        """Who takes mail for a domain."""
        ...


class SpfFault(Exception):
    """An SPF record that no receiver can use; `found` says why."""

    def __init__(self, found: Text) -> None:
        self.found = found
        super().__init__(found.nl)


@dataclass(frozen=True, slots=True)
class Spf:
    """A record with everything that it includes. Who is only allowed by a macro or `exists` is not known here."""

    text: str
    includes: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    def allows(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether mail from this address passes."""
        return any(address in network for network in self.networks)


def read_spf(names: Asks, domain: str) -> Spf | None:
    """The SPF record of a domain; None when it has none. SpfFault when it is void."""
    reading = _Reading(names)
    text = reading.record(domain)
    if text is None:
        return None
    reading.read(text, domain)
    return Spf(text, frozenset(reading.includes), tuple(reading.networks))


class _Reading:
    """One evaluation: what was collected, and how many questions it took."""

    def __init__(self, names: Asks) -> None:
        self.names = names
        self.lookups = 0
        self.includes: set[str] = set()
        self.networks: list[IPv4Network | IPv6Network] = []

    def record(self, domain: str) -> str | None:
        found = [text for text in self.names.texts(domain) if text.lower().split(" ", 1)[0] == "v=spf1"]
        if len(found) > 1:
            raise SpfFault(
                Text(
                    f"{domain} heeft {len(found)} SPF-records; dan telt er geen een",
                    f"{domain} has {len(found)} SPF records; then none of them counts",
                )
            )
        return found[0] if found else None

    def read(self, text: str, domain: str) -> None:
        redirect = ""
        for term in text.split()[1:]:
            if term.lower().startswith("redirect="):
                redirect = term.partition("=")[2]
                continue
            self._term(term, domain)
            if term.lower().lstrip("+-~?") == "all":
                return  # what stands behind `all` is never looked at
        if redirect:
            self._include(redirect)

    def _term(self, term: str, domain: str) -> None:
        allows = term[0] not in "-~?"
        name, colon, value = term.lstrip("+-~?").partition(":")
        name, slash, bits = name.partition("/") if not colon else (name, "", "")
        if colon and name.lower() in ("a", "mx"):
            value, slash, bits = value.partition("/")
        match name.lower():
            case "ip4" | "ip6" if allows:
                self._network(value)
            case "all" if allows:
                self.networks += [ip_network("0.0.0.0/0"), ip_network("::/0")]
            case "include":
                self._include(value, wanted=allows)
            case "a" | "mx":
                self._count()
                hosts = [value or domain] if name.lower() == "a" else self.names.mail_hosts(value or domain)
                for host in hosts if allows else ():
                    for address in self.names.addresses(host):
                        size = bits.partition("//")[0 if address.version == 4 else 2]
                        self._network(f"{address}/{size}" if slash and size else str(address))
            case "exists" | "ptr":
                self._count()
            case _:
                pass

    def _include(self, domain: str, *, wanted: bool = True) -> None:
        self._count()
        self.includes.add(domain.lower())
        text = None if "%" in domain else self.record(domain)
        if text and wanted:
            self.read(text, domain)

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise SpfFault(
                Text(
                    f"het SPF-record vraagt meer dan {MOST_LOOKUPS} keer in de DNS; dan telt het niet",
                    f"the SPF record asks the DNS more than {MOST_LOOKUPS} times; then it does not count",
                )
            )

    def _network(self, text: str) -> None:
        try:
            self.networks.append(ip_network(text, strict=False))
        except ValueError as error:
            raise SpfFault(
                Text(f"in het SPF-record is ‘{text}’ geen adres", f"‘{text}’ in the SPF record is no address")
            ) from error
