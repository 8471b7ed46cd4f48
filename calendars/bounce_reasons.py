"""Why a mail came back, from what servers say: codes first, then words; and whether the address itself is to blame.

Only reasons that speak of the address make a bounce hard (RFC 3463 §3.2): nobody there, moved, no such domain, a
domain that takes no mail. A policy, a full mailbox or a closed account says nothing about who is reachable where.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

MAX_WORDS = 4_000  # of one server's reply

CODE = re.compile(r"(?<![\d.])[245]\.[0-7]\.\d{1,3}(?!\d|\.\d)")
_CODE_BETWEEN = re.compile(r"(?<=[\w,] )[245]\d\d[- ][245]\.\d\.\d{1,3} ")  # of a reply in several lines
_SMTP = re.compile(r"(?<![\d.:])[45][0-57]\d(?=[\s\-#:,;)]|$)")


class Reason(StrEnum):
    """Why a mail came back."""

    USER_UNKNOWN = "userunknown"
    HOST_UNKNOWN = "hostunknown"
    MOVED = "hasmoved"
    NO_MAIL = "notaccept"  # the domain takes no mail at all (RFC 7505)
    MAILBOX_FULL = "mailboxfull"
    SUSPENDED = "suspend"
    TOO_BIG = "mesgtoobig"
    SPAM = "spamdetected"
    VIRUS = "virusdetected"
    BLOCKED = "blocked"  # who sends it, or from where
    POLICY = "policyviolation"
    FILTERED = "filtered"  # by something behind the server that had accepted the address
    TOO_MANY = "toomanyconn"
    EXPIRED = "expired"
    NETWORK = "networkerror"
    SYSTEM = "systemerror"
    DELAYED = "delayed"  # still being tried
    UNDEFINED = "undefined"


HARD = frozenset({Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.MOVED, Reason.NO_MAIL})
PASSING = frozenset(
    {
        *(Reason.MAILBOX_FULL, Reason.TOO_MANY, Reason.EXPIRED, Reason.NETWORK),
        *(Reason.SYSTEM, Reason.DELAYED),
    }
)
"""What may be over at the next mail; of the other soft ones staff must hear."""

STATUS: dict[Reason, str] = {
    Reason.USER_UNKNOWN: "5.1.1",
    Reason.HOST_UNKNOWN: "5.1.2",
    Reason.MOVED: "5.1.6",
    Reason.NO_MAIL: "5.1.10",
    Reason.MAILBOX_FULL: "5.2.2",
    Reason.SUSPENDED: "5.2.1",
    Reason.TOO_BIG: "5.3.4",
    Reason.SPAM: "5.7.1",
    Reason.VIRUS: "5.7.1",
    Reason.BLOCKED: "5.7.1",
    Reason.POLICY: "5.7.1",
    Reason.FILTERED: "5.7.1",
    Reason.TOO_MANY: "4.4.5",
    Reason.EXPIRED: "4.4.7",
    Reason.NETWORK: "4.4.1",
    Reason.SYSTEM: "4.3.0",
    Reason.DELAYED: "4.4.7",
}
"""The code for a reason that was given in words only (RFC 3463)."""

# Codes whose meaning is certain. Those left out (x.0.0, x.1.0, x.2.0, x.3.0, x.5.0, 5.1.8 …) leave it to the words.
_CODES: tuple[tuple[str, Reason], ...] = (
    (r"5\.1\.(1|3|4|10)", Reason.USER_UNKNOWN),  # 5.1.10: Exchange Online
    (r"5\.1\.2|5\.4\.4|5\.4\.310", Reason.HOST_UNKNOWN),
    (r"5\.1\.6", Reason.MOVED),
    (r"[45]\.1\.(7|8)|5\.1\.90", Reason.POLICY),  # of the sender
    (r"[45]\.2\.2", Reason.MAILBOX_FULL),
    (r"[45]\.(2\.3|3\.4)", Reason.TOO_BIG),
    (r"4\.4\.5|[45]\.3\.1|4\.3\.2|[45]\.2\.12[0-2]", Reason.TOO_MANY),
    (r"[45]\.4\.(7|300|31[67])", Reason.EXPIRED),  # three digits: Exchange Online
    (r"4\.4\.[1-36]|5\.4\.[236]|[45]\.4\.(14|312)", Reason.NETWORK),
    (r"[45]\.7\.(6\d\d|51[0-3])", Reason.BLOCKED),
    (r"[45]\.6\.\d{1,2}", Reason.POLICY),  # of what the mail holds
    (r"[45]\.5\.4", Reason.SYSTEM),  # of what the sending server says: "invalid domain name" in a HELO
    (r"[45]\.7\.\d{1,3}", Reason.POLICY),
)

# What they mean when the words tell nothing.
_CODES_ALONE: tuple[tuple[str, Reason], ...] = ((r"5\.1\.\d{1,3}|5\.2\.1", Reason.USER_UNKNOWN),)

# In order: the first that is found in a server's reply counts, so what tells most stands first.
_WORDS: tuple[tuple[Reason, str], ...] = (
    (
        Reason.TOO_MANY,
        r"gr[ae]y-?list|temporarily (deferred|rejected)|deferred due to|RecipientRateLimit"
        r"|too many (invalid|unknown|bad|errors)|rate that prevents",
    ),
    (
        Reason.BLOCKED,
        r"not accept(ing)? (any )?(e?-?mails?|messages?) from|sender (address )?(rejected|verif)|verification failed for|cannot resolve your"
        r"|(invalid|unknown|bad|nonexistent) (envelope )?sender\b|(?<!to )(?<!the )sender\b[^\n]{0,30}(not exist|n't exist"
        r"|not found|unknown|invalid)|(sender|mail from|\bfrom|your)\b:?( e?-?mail| address)?'?s? domain\b[^\n]{0,30}"
        r"(not|n't|invalid|unknown|resolve)",
    ),
    (
        Reason.NETWORK,
        r"(host|name|domain)[^\n]{0,40} not found, try again|host name lookup failure|verification in progress|servfail|temporary (dns|name)|unverified (recipient )?address:"
        r"[^\n]{0,80}(connect|timed out|lookup|try again)",
    ),
    (
        Reason.MAILBOX_FULL,
        r"mail ?(box|folder|drop)( \S+)? (is |was )?(too )?full|mail ?box space|(mailbox|account) exceeds|(inbox|mailbox|postvak)[^\n]{0,60} vol\b|(inbox|mailbox|account) is full|over (disk )?quota|overquota|quota (is )?"
        r"exceed|exceed\w* [^\n]{0,40}(quota|storage)|quota (violation|limit|full)|(mailbox|disk|storage)[^\n]{0,20} "
        r"(quota|size|space) (limit|exceeded|is full)|full mailbox|reached [^\n]{0,20}quota|out of (storage|disk|quota)|insufficient (disk|storage|system storage)"
        r"|not enough (disk|storage)|storage space|disk (space )?full|user is over the|maildir delivery failed"
        r"|(postvak|mailbox|postbus)[^\n]{0,30} (is )?(vol\b|heeft[^\n]{0,30}limiet)|postfach[^\n]{0,30}\bvoll\b"
        r"|mailbox (is )?vol|speicherplatz|quota [^\n]{0,20}(überschritten|overschreden)|bo[iî]te [^\n]{0,30}pleine|exceeded storage allocation",
    ),
    (
        Reason.TOO_BIG,
        r"(message|mail)( \S+)? (size )?(is |was )?too (big|large)|message (size|length) exceed|exceed\w* [^\n]{0,40}"
        r"(maximum|message|size|limit)[^\n]{0,20} size|size limit|(bericht|mail) is te groot|nachricht ist zu gro(ß|ss)",
    ),
    (
        Reason.NO_MAIL,
        r"null ?mx|reject all mails|record indicated no smtp|no mail-enabled subscriptions|does not accept (any )?(mail|e-?mail)(?! (over|from|without))|doesn.t accept mail|domain [^\n]{0,40}not accept(ing)? mail",
    ),
    (
        Reason.USER_UNKNOWN,
        r"user(name)? (is )?(unknown|not known)|did not (exactly )?match an|(benutzer|gebruiker|utilisateur)\b[^\n]{0,60}(nicht|niet) (im|gevonden|gefunden) |previously bounced|unknown (local )?(user|recipient|address|mailbox|account|or illegal)"
        r"|unknown[- ](local[- ]part|mailbox)|no such (user|recipient|mailbox|address|account|person|local|e?-?mail)"
        r"|(user|recipient|mailbox|account|address|addressee|alias|local part)\b[^\n]{0,90}? (was |is |were )?(not (be )?"
        r"(found|exist|known|listed|recogni[sz]ed|valid|available here|local)|not a (valid|known)|unknown|invalid|(does|did) "
        r"?n[o']t exist|doesn.t (exist|have)|couldn.t be found|wasn.t found|isn.t (valid|known)|not our customer)"
        r"|(invalid|bad|illegal|nonexistent|non-existent|incorrect) (recipient|mailbox|user|address|destination mailbox|final delivery user|"
        r"e-?mail address|local)|recipnotfound|recipientnotfound|RESOLVER\.ADR\.(recip|ex|invalid)|no (mailbox|mail box|"
        r"account|user)\b[^\n]{0,40}(here|by that|with that|under|exists|found|name)|not listed in|unrouteable address"
        r"|unroutable address|non existent user|mailbox unavailable|mailbox not (found|available)|recipient (address )?rejected: (access denied"
        r"|undeliverable|unverified)|undeliverable address|no valid recipients?\b(?! from)"
        r"|(wrong|invalid) or no longer valid|niet meer geldig|final email delivery point|there is no (such|user|one)|is not (a valid|one of our|known|active at)|delivery to non-?existent"
        r"|badrcptto|badrecipientto|unknown e-?mail|address(es)? were unknown|rcpt\b[^\n]{0,90}(does not|doesn.t) exist|mailbox not present|recipient has been denied|not a (valid|known|local) (mailbox|user|recipient|address)|no mail ?box|mailbox( name)? (is )?not allowed"
        r"|not (present |listed )?in (the |our |my )?([a-z]+ )?(directory|address book|validrcptto)|account unavailable"
        r"|can('t|not) accept user|(recipient|user) not ok|missing home directory|rejected recipients|reserved by rfc"
        r"|address[^\n]{0,40} no longer (exists|in use|available)|nessun utente"
        r"|(destinatario|usuario|utente|cuenta|direcci[oó]n|buz[oó]n)\b[^\n]{0,60}(no existe|desconocid|inesistente|sconosciut|non esiste)"
        r"|no existe\b[^\n]{0,30}(usuario|persona|cuenta|direcci)|nie istnieje|n[ãa]o existe|existerar? inte"
        r"|this (user|address|account) (does|is)[^\n]{0,10} (not|n.t)"
        r"|doesn.t have an? [^\n]{0,30}account|email account that you tried to reach does not"
        r"|(e-?mail)?adres(se)?\b[^\n]{0,60} (is )?(niet (gevonden|gekend|herkend|geldig)|bestaat niet|onbekend|ongeldig)"
        r"|(e-?mail)?adres[^\n]{0,60}niet (worden )?gevonden|onbekende (gebruiker|ontvanger|geadresseerde)|gebruiker onbekend"
        r"|(e-?mail-?)?adresse[^\n]{0,80}(nicht (gefunden|bekannt|vorhanden|gültig)|existiert nicht|unbekannt|ungültig)"
        r"|(gebruiker|ontvanger|mailbox|postvak|account|adres)\b[^\n]{0,60} (bestaat niet|niet bekend|onbekend|niet gevonden)|unbekannte[rn]? (empf\S{1,4}nger|benutzer|adresse)|(empf\S{1,4}nger|benutzer)[^\n]{0,60}(unbekannt|nicht gefunden|existiert nicht)"
        r"|adresse [^\n]{0,60}(introuvable|inconnue|n.existe pas)|utilisateur inconnu"
        r"|ディレクトリには見つかりません|宛先が見つかりません|ユーザが存在しません",
    ),
    (
        Reason.MOVED,
        r"no longer (on (the )?server|at this|works|employed|with)|has moved|address (has )?changed|user not local; please try"
        r"|has (been )?replaced by|niet meer werkzaam|adres is gewijzigd",
    ),
    (
        Reason.SUSPENDED,
        r"(account|mailbox|user|recipient|address|e-?mail)\b[^\n]{0,60}(disabled|suspended|locked|inactive|deactivated|frozen"
        r"|expired|not active|discontinued|closed|geblokkeerd|uitgeschakeld|gesperrt|deaktiviert)|inactive (user|account|mailbox|e-?mail(?! address))"
        r"|(disabled|suspended|deactivated) (user|account|mailbox)",
    ),
    (
        Reason.HOST_UNKNOWN,
        r"(host|domain)( name)?( or domain name)? (is )?(not found|unknown|invalid|could not be found)|unknown (host|domain)"
        r"|no such (host|domain)|no mx (was )?found|(host|domain)\b[^\n]{0,60}(does ?n.?o?t exist|non-?existent|couldn.t be found|not exist)"
        r"|(invalid|illegal|bad|non-?existent) (host|domain)|couldn.t find any host|nxdomain|unrouteable mail domain"
        r"|name service error|no mx record|no mail server|no (a|mx|dns) (records?|entry)|bad destination (system|host)|could not find a gateway"
        r"|(name or|nodename nor) serv(ice|name)|no address associated|all host address lookups failed|domain must exist|find the recipient domain|domain is not reachable|all relevant mx records point to non-existent|domein[^\n]{0,60}(bestaat niet|niet (worden )?gevonden)"
        r"|domain?[^\n]{0,60}(existiert nicht|nicht gefunden)|cannot resolve(?! your)|unable to resolve|dns (error|lookup failed)",
    ),
    (Reason.VIRUS, r"\bvirus(es)?\b(?! ?wall)|malware|infected"),
    (
        Reason.SPAM,
        r"\bspam(?!cop|haus)|\bube\b|unsolicited|\bjunk|bulk (e-?mail|mail)|content (was |is )?reject|rejected by content"
        r"|high probability of|message content",
    ),
    (
        Reason.BLOCKED,
        r"black ?-?list|block ?-?list|deny ?list|\bblocked|banned|\brbl\b|dnsbl|spamhaus|spamcop|barracudacentral|sorbs"
        r"|reputation|reverse (dns|lookup|hostname)|\bptr\b|helo|(access|connection|client|host|server|ip)\b[^\n]{0,30} "
        r"(denied|refused by|rejected|not allowed)|sender[^\n]{0,30} (rejected|denied|refused|not exist|unknown|verify)"
        r"|geblokkeerd|blockiert|recipient preferences|requires? confirmation|whitelist|please use the smtp server",
    ),
    (
        Reason.POLICY,
        r"\bdmarc\b|\bspf\b|\bdkim\b|polic(y|ies)|beleid|richtlinie|not (authori[sz]ed|permitted|allowed)|unauthori[sz]ed"
        r"|authenticat|we don.t handle mail for|relay(ing)? (access )?(denied|not|prohibited)|(unable|refus\w+|not allowed|cannot) to relay"
        r"|quarantined|must issue a starttls|requires? tls|moderat|restricted|permission to|only accept",
    ),
    (
        Reason.TOO_MANY,
        r"too many|rate ?-?limit|throttl|try (again )?later|too (busy|fast)",
    ),
    (
        Reason.EXPIRED,
        r"expired|(retry|queue|delivery) time ?(out|limit|exceeded|passed|not reached)|retry timeout|failed \d+ attempts|maximum (number of )?(delivery )?(attempts|retries)|too long in|giving up after"
        r"|(has been|was) in the queue|(after|within|for|in) \d+(\.\d+)? (days?|hours?)|not been able to deliver|message timed out"
        r"|verlopen|abgelaufen",
    ),
    (
        Reason.NETWORK,
        r"timed? ?out|connection (was )?(refused|lost|dropped|closed|reset|failed)|(no|unable to find a) route|unreachable|mail"
        r"[- ]?loop|loop(s back|ing|ed)|(too many )?hops?\b|hop count|lost connection|(unable|failed|couldn.t|could not) to? ?(connect|"
        r"establish)|routing loop|cname lookup failed|not responding|didn.t respond|no smtp connection",
    ),
    (
        Reason.SYSTEM,
        r"local (error|configuration)|configuration error|(internal|system|server|software|i/o) (error|failure|problem)|cannot "
        r"create|can.t create|temporary (failure|problem)|permission denied|resources",
    ),
    (Reason.USER_UNKNOWN, r"(recipient|(?<!sender )address) rejected"),
)
_WORDS_FOUND = tuple((reason, re.compile(words, re.IGNORECASE)) for reason, words in _WORDS)

# What a three-digit reply means when nothing better stands beside it (RFC 5321 §4.2.3).
_REPLIES: dict[str, Reason] = {
    "452": Reason.MAILBOX_FULL,
    "552": Reason.MAILBOX_FULL,
    "421": Reason.TOO_MANY,
    "550": Reason.USER_UNKNOWN,
    "551": Reason.MOVED,
    "553": Reason.USER_UNKNOWN,
    "556": Reason.NO_MAIL,
    "521": Reason.NO_MAIL,
}
_OF_RECIPIENT = re.compile(r"RCPT TO", re.IGNORECASE)
_NOBODY = re.compile(
    r"no such (user|recipient|mailbox|address|account)|recipient address rejected: access denied|non-?existent (user|recipient|mailbox)|(user|recipient) (is )?unknown"
    r"|unknown (user|recipient)|no mailbox (found|here|by that)|mail-?box (was )?not found|(?<!sender )(user|recipient|mailbox|account|address)"
    r" (does not|doesn't) exist",
    re.IGNORECASE,
)


def of_codes(codes: Sequence[str], *, are_alone: bool = False) -> tuple[Reason, str]:
    """Return the first certain meaning of these codes, and the code; UNDEFINED when none is certain.

    `are_alone`: no words stand beside them, so that a general code of the address counts too.
    """
    for code in codes:
        for pattern, reason in _CODES_ALONE if are_alone else _CODES:
            if re.fullmatch(pattern, code):
                return reason, code
    return Reason.UNDEFINED, ""


def of_words(said: str) -> Reason:
    """Return what a server's words mean, whatever their line breaks."""
    line = _CODE_BETWEEN.sub("", " ".join(said[:MAX_WORDS].replace("\u2019", "'").split()))
    return next((reason for reason, words in _WORDS_FOUND if words.search(line)), Reason.UNDEFINED)


def says_nobody(said: str) -> bool:
    """Whether the words say outright that nobody has this address, whatever code stands beside them."""
    return _NOBODY.search(" ".join(said[:MAX_WORDS].replace("\u2019", "'").split())) is not None


def of_reply(said: str) -> Reason:
    """Return what the first three-digit reply means; 550, 551 and 553 only as an answer to RCPT TO."""
    code = next(iter(_SMTP.findall(said[:MAX_WORDS])), "")
    if code in ("550", "551", "553") and not _OF_RECIPIENT.search(said[:MAX_WORDS]):
        return Reason.UNDEFINED
    return _REPLIES.get(code, Reason.NETWORK if code.startswith("4") else Reason.UNDEFINED)
