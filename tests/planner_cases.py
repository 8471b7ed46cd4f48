"""Steps of a small programme in one line each, and what a plan says of them."""

from engine_cases import ZONE

from traject.plan import (
    Plan,
)

MAIL = """
      - mail: {key}
        title: Bericht
        to: [coordinator]
        template: notice
        when: {when}
"""
TASK = """
      - task: {key}
        title: Taak
        to: [adviseur]
        when: {when}
"""
GATHERING = """
      - gathering: {key}
        title: Bijeenkomst {key}
        to: [coordinator, adviseur]
        when: {when}
        invite: {invite}
"""
EVALUATION = """  - evaluation: jaarevaluatie
    title: Terugblik
    to: [coordinator]
    every: {every}
    questionnaire: terugblik
    reminders: [14 dagen]
    no_answer: {{after: 21 dagen, task_for: adviseur, title: Bel}}
"""
WINDOW = "binnen de fase, dinsdag of donderdag, vanaf 13:30, 3 uur"


def mail(when: str, key: str = "bericht") -> str:
    return MAIL.format(key=key, when=when)


def task(when: str, key: str = "taak") -> str:
    return TASK.format(key=key, when=when)


def gathering(key: str = "middag", when: str = WINDOW, invite: str = "2 weken") -> str:
    return GATHERING.format(key=key, when=when, invite=invite)


def evaluation(every: str = "elk schooljaar tussen 1 mei en 30 juni") -> str:
    return EVALUATION.format(every=every)


def due(made: Plan, key: str, cycle: str = "") -> str:
    """A step's moment in local time, as a person writes it."""
    at = made.step(key, cycle).due_at
    return at.astimezone(ZONE).strftime("%a %Y-%m-%d %H:%M") if at else "never"


def starts(made: Plan, key: str, cycle: str = "") -> str:
    at = made.step(key, cycle).starts_at
    return at.astimezone(ZONE).strftime("%a %Y-%m-%d %H:%M") if at else "never"
