"""Which mails a machine wrote: delivery reports, automatic answers such as a vacation notice; and which look forged.

Only signs that ordinary mail never carries count. `X-MS-Exchange-Inbox-Rules-Loop`, a Zimbra mailer or
`Precedence: bulk` alone prove nothing; a null sender does.
"""

import re

from calendars.mail_parts import Part

_REPORTERS = re.compile(r"mailer[- ]?daemon|post_?master@|mail delivery (sub)?system", re.IGNORECASE)
_ANSWER_SUBJECT = re.compile(
    r"(automatisch antwoord|automatic reply|auto(matic)?[ -]?reply|out of (the )?office([ -]auto[ -]?reply)?|automatische antwort"
    r"|afwezigheidsbericht|abwesenheitsnotiz|réponse automatique|respuesta automática|risposta automatica)\s*:"
    r"|auto: .{1,200}(\((terugkeer|returning|zurück|retour)|is (out of|afwezig|abwesend))",
    re.IGNORECASE,
)
_DMARC_FAILED = re.compile(r"\bdmarc\s*=\s*fail")
_SPF_FAILED = re.compile(r"\bspf\s*=\s*(hard)?fail")
_PASSED = re.compile(r"\b(dkim|dmarc)\s*=\s*pass")
_ANSWER_HEADER = re.compile(r"x-(mail-)?auto-?(reply|respon(d|der|se)|generated)", re.IGNORECASE)


def why_bounce(mail: Part) -> str | None:
    """Return the sign that the mail is a delivery report (of any kind), or None."""
    report = mail.parameters.get("report-type", "").lower()
    if mail.content_type == "multipart/report" and report in ("delivery-status", "feedback-report", ""):
        return f"het is een rapport ({report or 'zonder soort'})"
    if any(part.content_type == "message/delivery-status" for part in mail.walk()):
        return "er zit een afleverstatus in"
    if mail.header("X-Failed-Recipients"):
        return "er staat X-Failed-Recipients in"
    sender = mail.header("From")
    is_by_nobody = mail.header("Return-Path") == sender.strip()[-2:] == "<>"
    return "een mailserver schreef het" if is_by_nobody or _REPORTERS.search(sender) else None


def looks_forged(mail: Part) -> bool:
    """Whether a mail server found the From forged (RFC 8601): DMARC failed, or nobody but SPF looked and it failed.

    Only the topmost header is of our own server; one below it, that the sender may have written, can accuse but not
    acquit.
    """
    results = [value.lower() for value in mail.header_all("Authentication-Results")]
    if any(_DMARC_FAILED.search(value) for value in results):
        return True
    newest = next(iter(results), "")
    return bool(_SPF_FAILED.search(newest)) and not _PASSED.search(newest)


def why_automatic(mail: Part) -> str | None:
    """Return the sign that a machine answered in a person's name, or None (RFC 3834 and what it left out)."""
    submitted = re.split(r"[;\s(]", mail.header("Auto-Submitted").lower() or "no", maxsplit=1)[0]
    if submitted != "no":
        return f"automatisch antwoord (Auto-Submitted: {submitted})"
    for name, value in mail.headers:
        if _ANSWER_HEADER.fullmatch(name) and value.strip().lower() not in ("", "no"):
            return f"automatisch antwoord ({name[:40]})"
    if mail.header("Delivered-To").lower() == "autoresponder":
        return "automatisch antwoord (Delivered-To: Autoresponder)"
    if mail.header("X-Apple-Action").upper() == "VACATION":
        return "automatisch antwoord (X-Apple-Action: VACATION)"
    if mail.header("Precedence").lower() == "auto_reply":
        return "automatisch antwoord (Precedence: auto_reply)"
    if _ANSWER_SUBJECT.match(mail.subject):
        return "automatisch antwoord (aan het onderwerp te zien)"
    if mail.content_type == "multipart/report":
        return "een leesbevestiging of een ander rapport"
    return (
        "automatisch verstuurd: de envelop heeft geen afzender"
        if mail.header("Return-Path") == "<>"
        else None
    )
