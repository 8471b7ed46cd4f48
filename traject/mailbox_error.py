"""Why a mailbox cannot be read: one sentence for staff, with the remedy, that stays the same as long as the cause does."""

from enum import StrEnum

from traject.errors import InBoth
from traject.programme import Text


class Trouble(StrEnum):
    """The cause, as far as it can be told apart, because each has a remedy of its own."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    LOGIN = "login"
    TOKEN = "token"  # noqa: S105 - the name of a cause
    RIGHTS = "rights"
    NO_FOLDER = "no-folder"
    FULL = "full"
    ODD = "odd"


_SAID: dict[Trouble, tuple[Text, Text]] = {
    Trouble.UNREACHABLE: (
        Text("de mailserver antwoordt niet", "the mail server does not answer"),
        Text(
            "kijk of de server en het netwerk het doen en of TRAJECT_MAILBOX_URL klopt; mail blijft daar wachten",
            "look whether the server and the network work and TRAJECT_MAILBOX_URL is right; mail waits there",
        ),
    ),
    Trouble.TLS: (
        Text("de beveiligde verbinding mislukt", "the secured connection fails"),
        Text(
            "kijk of de naam van de server in TRAJECT_MAILBOX_URL die van zijn certificaat is, en het certificaat geldig",
            "look whether the server's name in TRAJECT_MAILBOX_URL is that of its certificate, and the certificate valid",
        ),
    ),
    Trouble.LOGIN: (
        Text(
            "de mailserver weigert de naam of het wachtwoord", "the mail server refuses the name or password"
        ),
        Text(
            "zet het goede wachtwoord in TRAJECT_MAILBOX_URL; bij Microsoft 365 en Google is een token nodig: "
            "TRAJECT_OAUTH_PROVIDER",
            "put the right password in TRAJECT_MAILBOX_URL; Microsoft 365 and Google want a token: "
            "TRAJECT_OAUTH_PROVIDER",
        ),
    ),
    Trouble.TOKEN: (
        Text(
            "de toegang tot de postbus is verlopen of ingetrokken",
            "the access to the mailbox expired or was withdrawn",
        ),
        Text(
            "maak een nieuw geheim (TRAJECT_OAUTH_CLIENT_SECRET), of geef opnieuw toestemming en zet het nieuwe "
            "TRAJECT_OAUTH_REFRESH_TOKEN; docs/operating.md zegt hoe",
            "make a new secret (TRAJECT_OAUTH_CLIENT_SECRET), or consent again and set the new "
            "TRAJECT_OAUTH_REFRESH_TOKEN; docs/operating.md tells how",
        ),
    ),
    Trouble.RIGHTS: (
        Text(
            "het token is goed, maar opent deze postbus niet",
            "the token is good, but does not open this mailbox",
        ),
        Text(
            "geef de app recht op deze postbus en op IMAP, en zet het adres van de postbus in TRAJECT_MAILBOX_URL",
            "give the app the right to this mailbox and to IMAP, and put the mailbox's address in TRAJECT_MAILBOX_URL",
        ),
    ),
    Trouble.NO_FOLDER: (
        Text("de map bestaat niet of mag niet worden gelezen", "the folder is not there or may not be read"),
        Text(
            "kijk naar de map achteraan in TRAJECT_MAILBOX_URL (meestal INBOX) en de rechten erop",
            "look at the folder at the end of TRAJECT_MAILBOX_URL (mostly INBOX) and the rights on it",
        ),
    ),
    Trouble.FULL: (
        Text("de postbus is vol", "the mailbox is full"),
        Text(
            "maak ruimte: antwoorden die nu komen worden geweigerd. Wat Traject al las mag weg",
            "make room: answers that come now are refused. What Traject has read may go",
        ),
    ),
    Trouble.ODD: (
        Text(
            "de mailserver antwoordt iets wat niet te begrijpen is",
            "the mail server answers something that cannot be understood",
        ),
        Text(
            "kijk in het logboek van de mailserver; houdt het aan, meld het met wat `traject doctor` zegt",
            "look in the log of the mail server; when it stays, report it with what `traject doctor` says",
        ),
    ),
}


class MailboxError(InBoth):
    """The mailbox cannot be read now. `detail` is what the server said, which differs from time to time."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        self.trouble = trouble
        self.detail = " ".join(detail.split())[:300]
        both = said(trouble)
        super().__init__(both.nl, both.in_language("en"))


def found(trouble: Trouble) -> Text:
    """What is the matter."""
    return _SAID[trouble][0]


def remedy(trouble: Trouble) -> Text:
    """What to do about it."""
    return _SAID[trouble][1]


def said(trouble: Trouble) -> Text:
    """Both, as one sentence."""
    what, how = _SAID[trouble]
    return Text(f"{what.nl}; {how.nl}", f"{what.in_language('en')}; {how.in_language('en')}")
