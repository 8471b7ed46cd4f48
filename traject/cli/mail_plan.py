"""`traject outbox plan`: what waits, for whom, and until when under the limits of the mail provider."""

from collections import Counter
from typing import Any

import typer

from traject.cli.console import AsJson, Desk, both, desk
from traject.cli.mail import outbox
from traject.pacing import look_ahead, waiting
from traject.rates import RatePlan, Waiting, forecast
from traject.show import instant_json, moment, table


@outbox.command(
    "plan",
    help=both(
        "Wat nog moet gaan, per ontvangend domein, en tot wanneer dat duurt.",
        "What still has to go, by receiving domain, and until when that takes.",
    ),
)
def plan(context: typer.Context, as_json: AsJson = False) -> None:
    """Nothing changes; only what is queued now counts."""
    at = desk(context)
    now = at.now()
    with at.store.read() as session:
        ahead, mails = look_ahead(session, at.settings, now), waiting(session)
    rows = _by_domain(mails, ahead.plan, now, ahead.used_today)
    until = max((row["until"] for row in rows), default=None)
    if as_json:
        at.give(
            {
                "provider": at.settings.mail_provider or None,
                "per_minute": ahead.plan.per_minute or None,
                "per_day": ahead.plan.per_day or None,
                "per_domain": ahead.plan.per_domain or None,
                "waiting": len(mails),
                "until": instant_json(until, at.settings.zone) if until else None,
                "domains": [
                    row | {key: instant_json(row[key], at.settings.zone) for key in ("from", "until")}
                    for row in rows
                ],
            }
        )
        return
    at.tell(_limits(at, ahead.plan))
    if not rows:
        at.tell(at.say("Er wacht niets.", "Nothing waits."))
        return
    made = table(
        at.say("Aan", "To"),
        (at.say("Wacht", "Waiting"), {"justify": "right"}),
        (at.say("Vanaf", "From"), {"no_wrap": True}),
        (at.say("Tot", "Until"), {"no_wrap": True}),
    )
    for row in rows:
        first, last = (moment(row[key], at.settings.zone, at.language) for key in ("from", "until"))
        made.add_row(row["domain"], str(row["waiting"]), first, last)
    at.show(made)


def _by_domain(mails: list[Waiting], rates: RatePlan, now: Any, used_today: int) -> list[dict[str, Any]]:
    """The domain that is done last comes first."""
    leaving = forecast(mails, rates, now, used_today=used_today)
    until = {
        mail.domain: at for mail, at in sorted(zip(mails, leaving, strict=True), key=lambda pair: pair[1])
    }
    first: dict[str, Any] = {}
    for mail, at in zip(mails, leaving, strict=True):
        first[mail.domain] = min(at, first.get(mail.domain, at))
    counts = Counter(mail.domain for mail in mails)
    rows = [
        {"domain": domain, "waiting": number, "from": first[domain], "until": until[domain]}
        for domain, number in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["until"].timestamp(), -row["waiting"], row["domain"]))


def _limits(at: Desk, rates: RatePlan) -> str:
    if not rates.is_limited:
        return at.say(
            "Geen limiet: mail gaat zo snel als de mailserver haar aanneemt (TRAJECT_MAIL_PROVIDER stelt er een in).",
            "No limit: mail goes as fast as the mail server takes it (TRAJECT_MAIL_PROVIDER sets one).",
        )
    parts = [
        (rates.per_minute, at.say("per minuut", "a minute")),
        (rates.per_day, at.say("per 24 uur", "in 24 hours")),
        (rates.per_domain, at.say("per minuut aan één domein", "a minute to one domain")),
    ]
    name = at.settings.mail_provider or at.say("eigen limiet", "own limit")
    return f"{name}: " + ", ".join(f"{limit} {of}" for limit, of in parts if limit)
