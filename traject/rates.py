"""How fast mail may go out: what the sender's provider allows, and how long a number of mails then takes.

Pure. What left already and what waits is read from the outbox by pacing.py, which also holds mail back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from traject.programme import Text
from traject.settings import Settings

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MINUTES_A_DAY = DAY // MINUTE


@dataclass(frozen=True, slots=True)
class RatePlan:
    """Most attempts in any minute, in any 24 hours, and in any minute to one receiving domain; 0: no limit.

    `connections`: most at once, 0: as many as are set.
    """

    per_minute: int = 0
    per_day: int = 0
    per_domain: int = 0
    connections: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether anything must be counted before a mail may go."""
        return bool(self.per_minute or self.per_day or self.per_domain)


UNLIMITED = RatePlan()

PRESETS: dict[str, RatePlan] = {
    "": UNLIMITED,
    # Microsoft: "Exchange Online limits", sending limits; SMTP AUTH takes three connections at once.
    "exchange-online": RatePlan(per_minute=30, per_day=10_000, connections=3),
    # Google: "Gmail sending limits in Google Workspace" gives the day; it names no minute, so this pace is ours.
    "google-workspace": RatePlan(per_minute=60, per_day=2_000, per_domain=30),
    # Nobody limits an own server but who receives: a new sender's burst at one school board is taken for spam.
    "own-server": RatePlan(per_minute=600, per_domain=60),
}
"""By TRAJECT_MAIL_PROVIDER."""


def rate_plan(settings: Settings) -> RatePlan:
    """The plan of the provider that was set; what was set itself goes before it, and 0 then takes a limit away."""
    own = {
        "per_minute": settings.mail_per_minute,
        "per_day": settings.mail_per_day,
        "per_domain": settings.mail_per_domain,
    }
    return replace(
        PRESETS[settings.mail_provider], **{name: limit for name, limit in own.items() if limit is not None}
    )


def domain_of(address: str) -> str:
    """Who receives mail to this address: what stands behind the @, in lower case."""
    return address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that has not left: to which domain, and from when it may."""

    domain: str
    at: datetime


def forecast(
    waiting: Iterable[Waiting], plan: RatePlan, now: datetime, *, used_today: int = 0
) -> list[datetime]:
    """When each of these leaves, in minutes from `now`, in the order in which they may go; `used_today` left already.

    The 24 hours are counted in blocks from now on, so a day's limit is reached here no later than in the outbox.
    """
    total: Counter[int] = Counter()
    to_domain: Counter[tuple[str, int]] = Counter()
    in_day: Counter[int] = Counter({0: used_today})
    first = 0
    next_of: dict[str, int] = {}
    leaving: list[datetime] = []
    for mail in sorted(waiting, key=lambda mail: mail.at):
        # What may go later cannot use an earlier minute, so none of the minutes before `first` has to be tried again.
        first = max(first, max(timedelta(), mail.at - now) // MINUTE)
        while plan.per_minute and total[first] >= plan.per_minute:
            first += 1
        while plan.per_day and in_day[first // MINUTES_A_DAY] >= plan.per_day:
            first = (first // MINUTES_A_DAY + 1) * MINUTES_A_DAY
        minute = max(first, next_of.get(mail.domain, 0))
        while (
            (plan.per_minute and total[minute] >= plan.per_minute)
            or (plan.per_domain and to_domain[mail.domain, minute] >= plan.per_domain)
            or (plan.per_day and in_day[minute // MINUTES_A_DAY] >= plan.per_day)
        ):
            minute += 1
        next_of[mail.domain] = minute
        total[minute] += 1
        to_domain[mail.domain, minute] += 1
        in_day[minute // MINUTES_A_DAY] += 1
        leaving.append(now + minute * MINUTE)
    return leaving


MAILS = (Text("mail", "mail"), Text("mails", "mails"))
INVITATIONS = (Text("uitnodiging", "invitation"), Text("uitnodigingen", "invitations"))


@dataclass(frozen=True, slots=True)
class HowLong:
    """How long a number of mails takes, behind what waits already; `sentence` says it to staff."""

    mails: int
    minutes: int
    sentence: Text


def how_long(
    by_domain: Mapping[str, int],
    plan: RatePlan,
    *,
    now: datetime,
    waiting: Sequence[Waiting] = (),
    used_today: int = 0,
    nouns: tuple[Text, Text] = MAILS,
) -> HowLong:
    """How long these mails (how many to each domain) take when all may go at `now`, behind what waits.

    Whole minutes, rounded up; 0 when the plan limits nothing, because then only the server's speed counts.
    """
    count = sum(by_domain.values())
    noun = nouns[count != 1]
    these = Text(
        f"Deze {noun.nl if count == 1 else f'{count} {noun.nl}'}",
        f"{'This' if count == 1 else f'These {count}'} {noun.in_language('en')}",
    )
    many = count != 1
    if not plan.is_limited or not count:
        sentence = Text(
            f"{these.nl} {'gaan' if many else 'gaat'} zo snel als de mailserver ze aanneemt.",
            f"{these.en} {'go' if many else 'goes'} as fast as the mail server takes them.",
        )
        return HowLong(count, 0, sentence)
    ahead = [mail for mail in waiting if mail.at <= now]
    # The biggest receiver first, as it has to be spread over the most minutes.
    new = [Waiting(domain, now) for domain, number in Counter(by_domain).most_common() for _ in range(number)]
    minutes = (max(forecast([*ahead, *new], plan, now, used_today=used_today)) - now) // MINUTE + 1
    behind = (
        Text(f", achter {len(ahead)} andere aan", f", behind {len(ahead)} others") if ahead else Text("", "")
    )
    lasts = duration(minutes)
    sentence = Text(
        f"{these.nl} {'doen' if many else 'doet'} er {lasts.nl} over{behind.nl}.",
        f"{these.en} {'take' if many else 'takes'} {lasts.en}{behind.en}.",
    )
    return HowLong(count, minutes, sentence)


def duration(minutes: int) -> Text:
    """A number of minutes as people say it: `8 minuten`, `2 uur en 5 minuten`, `1 dag en 7 uur`."""
    days, rest = divmod(minutes, MINUTES_A_DAY)
    hours, rest = divmod(rest, 60)
    parts = [
        (days, "dag" if days == 1 else "dagen", "day" if days == 1 else "days"),
        (hours, "uur", "hour" if hours == 1 else "hours"),
        (rest, "minuut" if rest == 1 else "minuten", "minute" if rest == 1 else "minutes"),
    ]
    said = [part for part in parts if part[0]][:2]
    return Text(
        " en ".join(f"{number} {dutch}" for number, dutch, _ in said),
        " and ".join(f"{number} {english}" for number, _, english in said),
    )
