"""How what arrived is said to people: its kind, what became of it, and why; in Dutch as it is kept, or in English."""

import re
import unicodedata
from functools import lru_cache

_KINDS: dict[str, tuple[str, str]] = {
    "reply": ("antwoord", "reply"),
    "counter": ("tegenvoorstel", "other time proposed"),
    "refresh": ("vraag om de uitnodiging", "asks the invitation again"),
    "forwarded": ("doorgestuurd antwoord", "forwarded reply"),
    "request": ("uitnodiging", "invitation"),
    "own": ("onze eigen mail", "our own mail"),
    "bounce": ("onbestelbaar", "undeliverable"),
    "delivery-report": ("afleverbericht", "delivery report"),
    "complaint": ("klacht", "complaint"),
    "auto-reply": ("automatisch antwoord", "automatic reply"),
    "unsubscribe": ("afmelding", "unsubscribe"),
    "mail": ("gewone mail", "ordinary mail"),
    "invitation-answer": ("antwoord op de site", "answer on the site"),
    "evaluation-answer": ("evaluatie", "evaluation"),
}
_OUTCOMES: dict[str, tuple[str, str]] = {
    "counted": ("geteld", "counted"),
    "recorded": ("vastgelegd", "recorded"),
    "stale": ("verouderd", "stale"),
    "too-late": ("te laat", "too late"),
    "cancelled": ("afgezegd", "cancelled"),
    "closed": ("gesloten", "closed"),
    "withdrawn": ("niet meer gevraagd", "no longer asked"),
    "ignored": ("telt niet mee", "ignored"),
    "proposal": ("voorstel", "proposal"),
    "quarantined": ("bekijken", "to look at"),
    "stored": ("wacht", "waiting"),
}

# Every reason that is kept with an arrival, and its English. {} is what differs, itself looked up.
WHY: tuple[tuple[str, str], ...] = (
    # Whose answer it is, and whether it is one
    ("geen uitnodiging van ons heeft deze UID", "none of our invitations has this UID"),
    (
        "het antwoord is op één datum van een reeks, en de uitnodiging is voor één bijeenkomst",
        "it answers one date of a series, and the invitation is to one gathering",
    ),
    ("er staat niet in wie antwoordt", "it does not say who answers"),
    ("wie antwoordt is niet op dat adres uitgenodigd: {}", "who answers was not invited at that address: {}"),
    ("het kwam op het antwoordadres van iemand anders", "it came to somebody else's reply address"),
    ("de mail komt van iemand anders dan wie antwoordt: {}", "somebody else sent it than who answers: {}"),
    ("het adres van de afzender lijkt vervalst: {}", "the sender's address looks forged: {}"),
    (
        "het adres van de afzender lijkt vervalst, en de mail kwam niet op het eigen antwoordadres",
        "the sender's address looks forged, and the mail did not come to their own reply address",
    ),
    ("de genodigde vraagt de uitnodiging opnieuw", "the guest asks for the invitation once more"),
    ("zij is al onderweg", "it is on its way already"),
    ("zij is nog eens gestuurd", "it was sent once more"),
    ("de uitnodiging is vandaag al opnieuw gestuurd", "the invitation was sent again today already"),
    (
        "over dit voorstel is al besloten, of er was al een later voorstel",
        "this proposal was decided on already, or a later one was there already",
    ),
    ("krijgt geen nieuws meer", "gets no news any more"),
    ("wat bij een traject hoort nog wel", "what belongs to a trajectory still comes"),
    (
        "iemand die we niet kennen wil geen mail meer: bekijk wie",
        "somebody whom we do not know wants no more mail: see who",
    ),
    (
        "het antwoord is op versie {} van de uitnodiging, die nu versie {} heeft",
        "it answers version {} of the invitation, which has version {} now",
    ),
    ("de genodigde stelt een ander moment voor", "the guest proposes another time"),
    ("de genodigde stuurt iemand anders: {}", "the guest sends somebody else: {}"),
    ("de genodigde antwoordde: {}", "the guest answered: {}"),
    ("ik kom", "I come"),
    ("ik kom niet", "I do not come"),
    ("misschien", "maybe"),
    ("onbekend", "unknown"),
    ("er staat geen antwoord in", "it holds no answer"),
    ("hetzelfde antwoord was er al", "the same answer was there already"),
    ("het antwoord was al hetzelfde", "the answer was the same already"),
    ("de antwoorden waren al hetzelfde", "the answers were the same already"),
    ("er was al een later antwoord", "a later answer was there already"),
    ("de bijeenkomst was al begonnen", "the gathering had started"),
    (
        "de bijeenkomst of deze uitnodiging is afgezegd",
        "the gathering or this invitation was cancelled",
    ),
    # What a mail is
    ("automatisch antwoord ({})", "automatic reply ({})"),
    ("aan het onderwerp te zien", "by its subject"),
    (
        "automatisch verstuurd: de envelop heeft geen afzender",
        "sent by a machine: the envelope has no sender",
    ),
    ("een leesbevestiging of een ander rapport", "a receipt or another report"),
    ("weg tot en met {}", "away until {}"),
    ("het is een rapport ({})", "it is a report ({})"),
    ("zonder soort", "of no kind"),
    ("er zit een afleverstatus in", "it holds a delivery status"),
    ("er staat X-Failed-Recipients in", "it has X-Failed-Recipients"),
    ("een mailserver schreef het", "a mail server wrote it"),
    ("{}, maar wat er mislukte is niet te vinden: lees het", "{}, but what failed cannot be found: read it"),
    ("de METHOD is {}: geen antwoord", "its METHOD is {}: no answer"),
    ("er niet", "absent"),
    ("het antwoord zit in een doorgestuurde mail", "the answer lies in a forwarded mail"),
    ("onze eigen mail kwam terug", "our own mail came back"),
    ("er zit geen agenda in", "it holds no calendar"),
    ("het agendadeel is niet te lezen: {}", "its calendar cannot be read: {}"),
    (
        "een antwoord in Outlooks eigen formaat (winmail.dat), dat niet vanzelf telt: {}",
        "an answer in Outlook's own format (winmail.dat), which does not count by itself: {}",
    ),
    (
        "vraag om een antwoord met de knop in de uitnodiging",
        "ask for an answer by the button in the invitation",
    ),
    ("het heeft meer dan {} bytes", "it has more than {} bytes"),
    ("het heeft geen VEVENT", "it has no VEVENT"),
    ("het heeft geen UID", "it has no UID"),
    ("de SEQUENCE is {}", "its SEQUENCE is {}"),
    ("een gewone mail: iemand moet hem lezen", "an ordinary mail: somebody must read it"),
    ("een gewone mail van {}: iemand moet hem lezen", "an ordinary mail from {}: somebody must read it"),
    (
        "een gewone mail op het antwoordadres van {}: iemand moet hem lezen",
        "an ordinary mail to the answer address of {}: somebody must read it",
    ),
    ("een bericht van aflevering, geen mislukking", "a report of delivery, no failure"),
    (
        "een ontvanger meldde een mail van ons als ongewenst",
        "a receiver reported a mail of ours as unwanted",
    ),
    ("kon niet worden verwerkt ({})", "could not be processed ({})"),
    (
        "lees het origineel, en meld het aan de beheerder",
        "read the original, and tell whoever manages Traject",
    ),
    ("Hart heeft het bekeken", "Hart has seen it"),
    # Why a mail cannot be read
    ("de mail is niet te lezen: {}", "the mail cannot be read: {}"),
    ("hij heeft {} bytes, meer dan {}", "it has {} bytes, more than {}"),
    ("hij heeft meer dan {} regels", "it has more than {} lines"),
    ("hij heeft meer dan {} scheidingen", "it has more than {} boundaries"),
    ("hij heeft meer dan {} kopregels", "it has more than {} headers"),
    ("een kopregel heeft meer dan {} tekens", "a header has more than {} characters"),
    ("hij heeft meer dan {} delen", "it has more than {} parts"),
    ("zijn delen zitten dieper in elkaar dan {}", "its parts are nested deeper than {}"),
    ("hij is niet te ontleden ({})", "it cannot be parsed ({})"),
    (
        "de mail is {} MB, meer dan de {} MB die wordt gelezen: lees hem in de postbus",
        "the mail has {} MB, more than the {} MB that are read: read it in the mailbox",
    ),
    (
        "de mailserver kan deze mail niet geven: lees hem in de postbus",
        "the mail server cannot give this mail: read it in the mailbox",
    ),
    (
        "het bestand kan niet worden gelezen ({}): kijk naar de rechten erop",
        "the file cannot be read ({}): look at the rights on it",
    ),
    # Bounces
    ("hard: {} ({})", "hard: {} ({})"),
    ("soft: {} ({})", "soft: {} ({})"),
    ("geen code", "no code"),
    ("bij geen van onze mails te vinden", "it belongs to none of our mails"),
    ("deze persoon heeft nu een ander adres", "this person has another address now"),
    ("het adres bestaat niet", "no such address"),
    ("het domein van het adres bestaat niet", "no such domain"),
    ("de ontvanger is verhuisd naar een ander adres", "the receiver has moved to another address"),
    ("het domein van het adres ontvangt geen mail", "the domain takes no mail"),
    ("de mailbox is vol", "the mailbox is full"),
    ("de mailbox is afgesloten", "the mailbox is closed"),
    ("het bericht was te groot", "the message was too big"),
    ("het bericht werd voor spam aangezien", "the message was taken for spam"),
    ("het bericht werd voor een virus aangezien", "the message was taken for a virus"),
    ("de mailserver van de ontvanger blokkeert de afzender", "the receiver's server blocks the sender"),
    (
        "de mailserver van de ontvanger weigert het om zijn eigen regels",
        "the receiver's server refuses it by its own rules",
    ),
    ("de mailserver van de ontvanger had het te druk", "the receiver's server was too busy"),
    ("het is na dagen proberen opgegeven", "it was given up after days of trying"),
    ("de mailserver van de ontvanger was onbereikbaar", "the receiver's server could not be reached"),
    ("de mailserver van de ontvanger had een storing", "the receiver's server had a fault"),
    ("het is vertraagd en wordt nog geprobeerd", "it is delayed and still tried"),
    ("zonder duidelijke reden", "without a clear reason"),
)


def kind_word(kind: str, language: str) -> str:
    """A kind of arrival as people say it."""
    return _KINDS.get(kind, (kind, kind))[language == "en"]


def outcome_word(outcome: str, language: str) -> str:
    """What became of an arrival, as people say it."""
    return _OUTCOMES.get(outcome, (outcome, outcome))[language == "en"]


def why_in(why: str, language: str) -> str:
    """Why, in the language that was asked for; a fault's own words stay as they are."""
    if language != "en":
        return why
    return "; ".join(_english(part) for part in why.split("; "))


def plain(text: str) -> str:
    """What strangers wrote, as a terminal can show it: nothing that moves the cursor or turns the writing direction."""
    return "".join(
        each
        if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else "\ufffd"
        for each in text
    )


def _english(dutch: str) -> str:
    for pattern, english in _patterns():
        if found := pattern.fullmatch(dutch):
            return english.format(*(_english(each) for each in found.groups()))
    return dutch


@lru_cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those without a gap first, and of the others the longest, so that what is said most exactly counts."""
    ordered = sorted(WHY, key=lambda pair: ("{}" in pair[0], -len(pair[0])))
    return tuple(
        (re.compile("(.+)".join(map(re.escape, dutch.split("{}"))), re.DOTALL), english)
        for dutch, english in ordered
    )
