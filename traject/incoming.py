"""What an incoming mail is: a delivery report, an answer from a calendar, an automatic answer, or a mail for a person.

The order matters. A calendar's answer goes before the filter for automatic mail, because every answer from Google says
that it is generated automatically.
"""

from datetime import datetime

from sqlmodel import Session

from calendars.mail_parts import Part, UnreadableMail, read_mail
from models import Arrival
from traject.bounces import apply_delivery_report, read_delivery_report
from traject.outcome import Outcome

_AUTOMATIC_SUBJECTS = ("automatisch antwoord:", "automatic reply:", "out of office:", "afwezig:")


def apply_mail(session: Session, arrival: Arrival, now: datetime) -> Outcome:
    """Make of one stored mail what it is. What nobody foresaw is kept for staff to read."""
    raw = arrival.raw or b""
    try:
        mail = read_mail(raw)
    except UnreadableMail as error:
        return Outcome("mail", "quarantined", str(error))
    report = read_delivery_report(mail)
    if report:
        return apply_delivery_report(session, report, now)
    sign = sign_of_automatic_reply(mail)
    if sign:
        return Outcome("auto-reply", "ignored", sign)
    return Outcome("mail", "quarantined", "an ordinary mail: someone must read it")


def sign_of_automatic_reply(mail: Part) -> str:
    """What gives a mail away as an automatic answer (RFC 3834 and what clients do instead); empty: nothing does."""
    submitted = mail.header("auto-submitted").split("(")[0].split(";")[0].strip().lower()
    if submitted == "auto-replied":
        return "Auto-Submitted: auto-replied"
    if mail.header("x-autoreply").lower() not in ("", "no"):
        return "X-Autoreply"
    if mail.header("x-apple-action").upper() == "VACATION":
        return "X-Apple-Action: VACATION"
    # Exchange says it in the subject only; the header alone stands on ordinary mail too.
    if mail.header("x-auto-response-suppress") and mail.header("subject").lower().startswith(
        _AUTOMATIC_SUBJECTS
    ):
        return "an automatic subject with X-Auto-Response-Suppress"
    return ""
