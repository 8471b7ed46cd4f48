"""What mail servers write for people in a delivery report: phrases in several languages, and whom they name."""

import re
from collections.abc import Collection, Iterator, Sequence
from html import unescape

from calendars.mail_parts import Part

MAX_TEXT = 64 * 1024  # characters of what a server wrote
MAX_MENTIONS = 20  # of one address

_ADDRESS = r"(?<![\w.+=/-])[\w+=&/-][\w.+=&/'~!#$%*^`{|}-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,9}[A-Za-z]{1,24}"
_ANY_ADDRESS = re.compile(_ADDRESS)
_HEADER_LINE = re.compile(
    r"^[ \t>]*(to|from|cc|subject|date|sent|message-id|aan|van|onderwerp|an|von|betreff|à|de|objet)[ \t]*:[^\n]*",
    re.IGNORECASE | re.MULTILINE,
)
_OF_HELPDESK = re.compile(r"\bcontact[: ]{1,3}[<\"'(]?$", re.IGNORECASE)
_OF_SENDER = re.compile(
    r"(?<!generated )(?<!expanded )\b(from|sender|afzender)[: ]{1,3}[<\"'(]?$", re.IGNORECASE
)
_BARE_NAME = re.compile(
    r":[ \t]*\n(?:[ \t]*\n)?[ \t]+([a-z0-9][\w.-]{1,63})[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_MACHINES = re.compile(r"(mailer-daemon|postmaster|poostmaster|no-?reply|abuse)@", re.IGNORECASE)

_SUBJECT = re.compile(
    r"^(?!(re|aw|antw|fwd?|wg|doorst|automat\w*)\b ?:|automat)[^\n]{0,60}?(undeliver|non[- ]?deliver|delivery (status|failure|has failed|notification|report|delayed|incomplete)"
    r"|mail (delivery |system )?(problem|warning|failed|failure|error)|failure notice|failed (mail|delivery)|returned (mail|to sender)"
    r"|mail(er)?.daemon|notice: mail delivery|warning: (could not send|message|e?-?mail)|message (delivery|you sent|status)"
    r"|could not (send|deliver)|unable to deliver|rejected:|error sending|bounced|onbestelbaar|niet[- ]be(zorg|stel)"
    r"|(bezorging|bestelling|aflevering) (is )?(mislukt|vertraagd)|vertraagd|unzustellbar|nicht zustellbar|zustell(ung|fehler)"
    r"|zustellungsfehler|verzögert|fehlgeschlagen|rückläufer|non (remis|distribu)|retardé|échec|退信|(delivered|relayed|expanded|bezorgd|zugestellt|remis) ?:|no se puede entregar|недоставлен|(user|recipient|address) (is )?unknown|wasn.t delivered|not (be )?delivered)",
    re.IGNORECASE,
)
_FAILED_TEXT = re.compile(
    r"(could ?n[o']t|couldn.t|can ?not|was not|wasn.t|not be|not been|n[o']t able to|unable to|failed to) (be )?(deliver|reach)"
    r"|delivery (has |to |of )?[^\n]{0,60}(failed|failure)|did not reach|undeliver|permanent (fatal )?(error|failure)"
    r"|(returned|bounced) (to sender|mail)|not be(en)? delivered|failed permanently|address(es)? (had|failed)"
    r"|attempting to deliver|error (while |in )?deliver|trying to deliver|blocked by|niet (worden )?(be(zorg|stel)d|af ?geleverd)|onbestelbaar|kon niet "
    r"|nicht (an \S+ )?(zugestellt|ausgeliefert|zustell)|konnte nicht|unzustellbar|n.a pas (pu|été (remis|distribué|délivré))|échec de la remise|не может быть",
    re.IGNORECASE,
)
_DELAYED_TEXT = re.compile(
    r"postponed|(will|wil) (keep trying|be retried|retry|try again|continue to try)|still (being|trying|undelivered|be attempted)|not yet been"
    r" delivered|warning (message )?only|attempts will (continue|be made)|message is delayed|probeert het nog|bezorging onvolledig|est retardée|nouvelles tentatives|delivery (is |has been |was )?(delayed|incomplete)|message delayed|do not need to "
    r"resend|temporary problem|could not send message for past|vertraagd|nog niet (be(zorg|steld)|afgeleverd)|opnieuw "
    r"geprobeerd|verzögert|noch nicht zugestellt|weiter versucht",
    re.IGNORECASE,
)
_GIVEN_UP_TEXT = re.compile(
    r"permanent|giv(en|ing) up|given it up|will not (be retried|retry|try)|failed after|definitief"
    r"|endgültig",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"[\s*=_-]*(your|the|votre|le|uw|het|ihre|die) (following )?(message|e-?mail|bericht|nachricht)\b[^\n]{0,80}(could|can)? ?"
    r"(not be delivered|n.a pas (pu|été)|kon niet worden (af ?geleverd|be(zorg|stel)d)|konnte nicht zugestellt)",
    re.IGNORECASE,
)
_DELIVERED_TEXT = re.compile(
    r"(was|were|has been) (successfully )?(delivered|relayed|expanded)( to| by|\.|$)|\bsuccess(ful)? delivery|\bsuccessfully "
    r"delivered|delivery to [^\n]{0,60} is complete|is (be(zorg|steld)|afgeleverd)|wurde zugestellt|delivery status notification \(success\)",
    re.IGNORECASE,
)

# Where a server's own words end and what it returns begins.
_COPY = re.compile(
    r"^[ \t>]*(-+ ?(below this line|this is a copy|the header|original message|returned|message header|forwarded|unsent|end of)"
    r"|original message (headers|follows)|below is a copy|here is a copy|a copy of (the|your) (original )?(message|mail)"
    r"|the original message (was|follows|is attached)?:?[ \t]*$|message (headers?|text) follows?"
    r"|(oorspronkelijke|originele) bericht|kop(pen|teksten) van het|ursprüngliche|originalnachricht|en-t[eê]tes de message"
    r"|\[original message\])|^(received: (from|by)|return-path:|mime-version:|begin:vcalendar)",
    re.IGNORECASE | re.MULTILINE,
)

# How servers name the recipient they failed on, from sure to unsure: the first row that finds one counts.
_NAMED: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern.replace("ADDRESS", f"({_ADDRESS})"), re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"^[ \t>*]*[\[<\"']?ADDRESS[]>\"']?(?: ?\([^()\n]{0,60}\))?[ \t]*:",  # qmail, Postfix, Courier, GMX, OpenSMTPD
        r"^[ \t]*(?:final |original )?(?:recipient|ontvanger|empfänger|error-for|undeliverable address)[\w -]{0,20}: *<?ADDRESS",  # Sun, Oracle
        r"^[ \t>*-]*<?(?:mailto:)?ADDRESS>?(?:<mailto:[^>\n]*>)?[ \t]*$",  # Gmail, Exim, Domino, Exchange Online, sendmail
        r"<mailto:ADDRESS>",  # Exchange 2007
        r"^[ \t]*['\"<]?ADDRESS['\">]? (?:on|op|am|invalid|\(|\.\.\.|-)",  # Exchange 2003, Zoho
        r"(?:did not reach|not delivered to|undeliverable)[\w ()]{0,40}:?\s{1,9}<?ADDRESS",
        r"(?:\bto|\baan|\ban|\bfor|\bvoor|recipient|recipients|rcpt|\bà)[ :]{1,3}[<\"'(]?(?:to:)? ?[<\"'(]?ADDRESS",
        r"ADDRESS",
    )
)


def is_delayed(subject: str, text: str) -> bool:
    """Whether delivery is still being tried."""
    return bool(_DELAYED_TEXT.search(f"{subject}\n{text}")) and not _GIVEN_UP_TEXT.search(text)


def says_delivered(subject: str, text: str) -> bool:
    """Whether all went well."""
    said = f"{subject}\n{text}"
    return bool(_DELIVERED_TEXT.search(said)) and not _FAILED_TEXT.search(said)


def says_failed(subject: str, text: str) -> bool:
    """Whether something did not arrive, yet or at all."""
    said = f"{subject}\n{text}"
    return bool(_FAILED_TEXT.search(said) or _DELAYED_TEXT.search(said))


def own_words(parts: Sequence[Part]) -> tuple[str, str]:
    """Return what the server wrote for people, without and then with what it returns of the mail in the same part."""
    for kind in ("text/plain", "text/html"):
        texts = [text_of(part) for part in parts if is_of_words(part, kind)]
        if any(text.strip() for text in texts):
            whole = "\n".join(texts)[:MAX_TEXT]
            if kind == "text/html":
                whole = unescape(re.sub(r"<(?!\S{1,70}@)[^<>]{0,500}>", "\n", whole))
            copy = _COPY.search(whole)
            return (whole[: copy.start()], whole[copy.start() :]) if copy else (whole, "")
    return "", ""


def is_of_words(part: Part, kind: str = "text/plain") -> bool:
    """Whether a part is text for people; so is a multipart of which no boundary was found."""
    is_unparted = kind == "text/plain" and part.content_type.startswith("multipart/") and bool(part.body)
    return (part.content_type == kind or is_unparted) and part.disposition != "attachment"


def text_of(part: Part) -> str:
    """Return the start of a part as text with LF line ends; what is not in its character set is replaced."""
    charset = part.parameters.get("charset", "utf-8").lower()
    octets = part.body[:MAX_TEXT]
    try:
        # Two codecs of domain names take quadratic time, and are no character sets of mail.
        text = octets.decode("utf-8" if charset in ("punycode", "idna") else charset, "replace")
    except (LookupError, ValueError):
        text = octets.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def opens_as_report(text: str) -> bool:
    """Whether the very first sentence says that a message could not be delivered."""
    return _OPENING.match(text) is not None


def is_report_subject(subject: str) -> bool:
    """Whether only a delivery report has such a subject; not what answers or forwards one."""
    return _SUBJECT.match(subject) is not None


def addresses(text: str) -> list[str]:
    """Return every address in a text, in lower case, in order."""
    return [_clean(found) for found in _ANY_ADDRESS.findall(text)]


def named(
    text: str, *, only: Collection[str] = (), never: Collection[str] = (), is_sure: bool = False
) -> dict[str, int]:
    """Return whom the words name as the recipient, and where; `only` these when there are any, `never` those.

    `is_sure`: only in the way that names nobody else, at the start of a line with a colon behind it.
    A line of the mail's own header, as in "Your message To: … did not reach …", counts when nothing else names anybody.
    """
    never = {*never, *_helpdesks(text)}
    without_header = _HEADER_LINE.sub(lambda line: " " * len(line[0]), text)
    for said in (without_header, text) if without_header != text else (text,):
        for pattern in _NAMED[:1] if is_sure else _NAMED:
            found: dict[str, int] = {}
            for match in pattern.finditer(said):
                address = _clean(match[1])
                is_meant = (address in only or not only) and address not in never
                if is_meant and not (
                    _MACHINES.match(address)
                    or _OF_SENDER.search(said, max(0, match.start(1) - 20), match.start(1))
                ):
                    found.setdefault(address, match.start())
            if found:
                return found
    return {}


def _helpdesks(text: str) -> Iterator[str]:
    """Whom to ask about the report, wherever else they stand in it."""
    for found in _ANY_ADDRESS.finditer(text):
        if _OF_HELPDESK.search(text, max(0, found.start() - 20), found.start()):
            yield _clean(found[0])


def bare_names(text: str) -> list[str]:
    """Return what stands alone on an indented line under a line that ends in a colon: names without their domain."""
    return [found.lower() for found in _BARE_NAME.findall(text)]


def mentions(text: str, address: str) -> list[int]:
    """Return where an address stands in a text, in whatever case."""
    return [found.start() for found in re.finditer(re.escape(address), text, re.IGNORECASE)][:MAX_MENTIONS]


def _clean(address: str) -> str:
    return address.lower().removeprefix("smtp=").strip("'")
