"""Whom mail can be sent to: what is wrong with a name or an address, said before anything depends on it."""

from email_validator import EmailNotValidError, validate_email

from traject.mail_contexts import address_problem

LONGEST_NAME = 200


def person_problem(name: str, email: str) -> str | None:
    """Why nobody can be reached like this, as a clause in Dutch; None when they can."""
    if not name.isprintable() or len(name) > LONGEST_NAME:
        return f"de naam {name[:40]!r} heeft een regeleinde of onzichtbare tekens, of is te lang; schrijf hem op één regel"
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:  # its reasons are in English
        return f"‘{email}’ is geen mailadres; schrijf het zoals n.visser@school.nl"
    if address_problem(email):
        return (
            f"‘{email}’ heeft tekens die niet elke mailserver aanneemt; vraag om een adres met gewone letters"
        )
    return None
