"""Whom mail can be sent to: what is wrong with a name or an address, said before anything depends on it."""

from email_validator import EmailNotValidError, validate_email

from traject.mail_contexts import address_problem
from traject.programme import Text

LONGEST_NAME = 200


def person_problem(name: str, email: str) -> Text | None:
    """Why nobody can be reached like this, as a clause; None when they can."""
    if not name.isprintable() or len(name) > LONGEST_NAME:
        return Text(
            f"de naam {name[:40]!r} heeft een regeleinde of onzichtbare tekens, of is te lang; schrijf hem op één regel",
            f"the name {name[:40]!r} has a line break or invisible characters, or is too long; write it on one line",
        )
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:  # its reasons are in English
        return Text(
            f"‘{email}’ is geen mailadres; schrijf het zoals n.visser@school.nl",
            f"‘{email}’ is no mail address; write it like n.visser@school.nl",
        )
    if address_problem(email):
        return Text(
            f"‘{email}’ heeft tekens die niet elke mailserver aanneemt; vraag om een adres met gewone letters",
            f"‘{email}’ has characters that not every mail server takes; ask for an address with plain letters",
        )
    return None
