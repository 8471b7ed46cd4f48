"""What staff record after a gathering: who was there, who was not, or that it did not take place.

Each can be corrected: a name that is given again gets what is said last. Nobody becomes absent by not being named.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import select

from models import Alias, Gathering, Invitation, Person, Trajectory
from models.enums import GatheringState, StageState, StepState, TaskState
from traject.another_date import take_back
from traject.attendance import end_task, thank, withdraw_thanks
from traject.dossier import row_id
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.guests import Said, answer_of
from traject.mail_contexts import is_link
from traject.settings import Settings
from traject.staff_action import DryRun, StaffResult, Work, action, refuse_ended
from traject.store import Store

Place = tuple[Invitation, Person]


def record_attendance(
    store: Store,
    settings: Settings,
    gathering_id: int,
    *,
    attended: Sequence[str] = (),
    absent: Sequence[str] = (),
    who_said_yes: bool = False,
    materials_url: str = "",
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Record by address who was there and who was not; the thank-you and the certificate follow, once to each.

    `who_said_yes`: everybody who accepted, has a place, and of whom nothing was recorded yet. Somebody who was there
    without an invitation is added, without a mail that invites. Recording the same again changes nothing.
    """
    result = StaffResult(reference_of(store, gathering_id))
    with action(store, settings, result.reference, now, result, dry_run=dry_run) as work:
        gathering = _gathering(work, gathering_id)
        _refuse_before(work, gathering, now)
        if gathering.state is GatheringState.CANCELLED:
            raise Refused(
                f"‘{gathering.title}’ ging niet door; er valt niet vast te leggen wie er was",
                f"‘{gathering.title}’ did not take place; there is nothing to record about who was there",
            )
        if materials_url and not is_link(materials_url):
            raise Refused(
                f"‘{materials_url}’ is geen link; schrijf https://…",
                f"‘{materials_url}’ is no link; write https://…",
            )
        said = _said(work, gathering, attended, absent, who_said_yes=who_said_yes)
        changed = [(place, was) for place, was in said if place[0].attended is not was]
        if not changed and materials_url in ("", gathering.materials_url):
            result.sentence = "Dat stond al zo vast; er verandert niets."
            raise DryRun
        gathering.materials_url = materials_url or gathering.materials_url
        for (invitation, _), was in changed:
            invitation.attended = was
            if not was:
                withdraw_thanks(work.effects, invitation)
        end_task(work.effects, gathering, TaskState.DONE)
        row = next(row for row in work.dossier.steps.values() if row.id == gathering.step_id)
        steps = {step.key: step for step in work.dossier.programme.steps}
        if row.key in steps:
            thank(work.effects, gathering, steps[row.key])
        work.effects.event(
            "attendance.recorded",
            actor="staff",
            gathering=gathering.id,
            attended=[row_id(invitation) for (invitation, _), was in changed if was],
            absent=[row_id(invitation) for (invitation, _), was in changed if not was],
        )
        work.sentence = _sentence(gathering, work.dossier.invitations[row_id(gathering)])
    return result


def not_held(
    store: Store,
    settings: Settings,
    gathering_id: int,
    *,
    reason: str = "",
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """It did not take place: the step is owed again, and the plan asks for another date (see `another_date`).

    `reason` is kept with the task to record who was there. Refused when somebody is recorded as having been there, and
    when the stage is closed: then nothing would ever plan it.
    """
    result = StaffResult(reference_of(store, gathering_id))
    with action(store, settings, result.reference, now, result, dry_run=dry_run) as work:
        refuse_ended(work.dossier.trajectory)
        gathering = _gathering(work, gathering_id)
        _refuse_before(work, gathering, now)
        row = next(row for row in work.dossier.steps.values() if row.id == gathering.step_id)
        if gathering.state is GatheringState.CANCELLED:
            again = row.state is StepState.PLANNED
            raise Refused(
                f"‘{gathering.title}’ {'wacht al op een nieuwe datum' if again else 'is geannuleerd'}",
                f"‘{gathering.title}’ {'waits for a new date already' if again else 'is cancelled'}",
            )
        places = work.dossier.invitations[row_id(gathering)]
        if there := [person.email for invitation, person in places if invitation.attended]:
            raise Refused(
                f"er staat vast dat {len(there)} mensen er waren; klopt dat niet, zet hen dan eerst op afwezig: "
                f"traject gatherings attended {gathering.id} {' '.join(f'--absent {email}' for email in there)}",
                (
                    f"it is recorded that {len(there)} people were there; if that is wrong, record them as absent first: "
                    f"traject gatherings attended {gathering.id} {' '.join(f'--absent {email}' for email in there)}"
                ),
            )
        stage = work.dossier.stages.get(row.stage)
        if stage is not None and stage.state is not StageState.OPEN:
            raise Refused(
                f"fase ‘{stage.title}’ is al afgesloten, dus daar komt geen nieuwe datum; open haar eerst weer: "
                f"traject reopen-stage {work.dossier.trajectory.reference} {stage.key}",
                (
                    f"stage ‘{stage.title}’ is closed already, so no new date will come there; reopen it first: "
                    f"traject reopen-stage {work.dossier.trajectory.reference} {stage.key}"
                ),
            )
        end_task(work.effects, gathering, TaskState.CANCELLED, f"Ging niet door. {reason}".strip())
        take_back(Gatherings(work.effects), row, gathering)
        work.sentence = f"‘{gathering.title}’ heeft niet plaatsgevonden en krijgt een nieuwe datum."
    return result


def reference_of(store: Store, gathering_id: int) -> str:
    """The trajectory of a gathering. Refused when there is no such gathering."""
    with store.read() as session:
        found = session.exec(
            select(Trajectory.reference)
            .join(Gathering)
            .where(Gathering.id == gathering_id, Gathering.trajectory_id == Trajectory.id)
        ).first()
    if found is None:
        raise Refused(
            f"bijeenkomst {gathering_id} bestaat niet; `traject gatherings list` toont de bijeenkomsten",
            f"there is no gathering {gathering_id}; `traject gatherings list` shows the gatherings",
        )
    return found


def _gathering(work: Work, gathering_id: int) -> Gathering:
    return next(found for found in work.dossier.gatherings.values() if found.id == gathering_id)


def _refuse_before(work: Work, gathering: Gathering, now: datetime) -> None:
    if now < gathering.starts_at:
        at = work.dossier.calendar.to_local(gathering.starts_at)
        raise Refused(
            f"‘{gathering.title}’ begint pas op {at:%d-%m-%Y} om {at:%H:%M}; leg dit daarna vast",
            f"‘{gathering.title}’ begins only on {at:%d-%m-%Y} at {at:%H:%M}; record this afterwards",
        )


def _said(
    work: Work, gathering: Gathering, attended: Iterable[str], absent: Iterable[str], *, who_said_yes: bool
) -> list[tuple[Place, bool]]:
    """What was said of whom: `(place, was there)`, each person once."""
    places = work.dossier.invitations[row_id(gathering)]
    was: dict[int, tuple[Place, bool]] = {}
    for email in absent:
        place = _place(work, places, email)
        if place is None:
            raise Refused(
                f"{email} was niet uitgenodigd voor ‘{gathering.title}’ en kan er niet afwezig zijn",
                f"{email} was not invited to ‘{gathering.title}’ and cannot be absent from it",
            )
        was[row_id(place[1])] = (place, False)
    for email in attended:
        place = _place(work, places, email) or _walk_in(work, gathering, email)
        if not was.get(row_id(place[1]), (place, True))[1]:
            raise Refused(
                f"{email} staat bij aanwezig en bij afwezig; kies een van beide",
                f"{email} is named both as there and as absent; choose one of the two",
            )
        was[row_id(place[1])] = (place, True)
    if who_said_yes:
        yes = [place for place in places if answer_of(place[0]) is Said.YES]
        if not yes:
            raise Refused(
                f"niemand zei ja op ‘{gathering.title}’; noem wie er was, met het adres",
                f"nobody said yes to ‘{gathering.title}’; name who was there, by address",
            )
        for place in yes:
            if place[0].attended is None:
                was.setdefault(row_id(place[1]), (place, True))
    return list(was.values())


def _place(work: Work, places: Sequence[Place], email: str) -> Place | None:
    wanted = email.strip().lower()
    person_id = work.session.exec(select(Alias.person_id).where(Alias.email == wanted)).first()
    for invitation, person in places:
        if wanted in (person.email, invitation.address.lower()) or person.id == person_id:
            return invitation, person
    return None


def _walk_in(work: Work, gathering: Gathering, email: str) -> Place:
    """Somebody who came without an invitation, and is known."""
    wanted = email.strip().lower()
    person_id = work.session.exec(select(Alias.person_id).where(Alias.email == wanted)).first()
    whose = Person.id == person_id if person_id else Person.email == wanted
    person = work.session.exec(select(Person).where(whose)).first()
    if person is None:
        raise Refused(
            f'{email} is niet bekend; voeg die eerst toe: traject people add "Naam <{wanted}>"',
            f'{email} is not known; add this person first: traject people add "Name <{wanted}>"',
        )
    invitation = Invitation(
        gathering_id=row_id(gathering),
        person_id=row_id(person),
        tag=f"i-{secrets.token_hex(8)}",
        address=person.email,
        sequence=gathering.sequence,
        is_required=False,
    )
    work.session.add(invitation)
    work.session.flush()
    work.dossier.invitations[row_id(gathering)].append((invitation, person))
    work.effects.event(
        "attendance.walked-in", actor="staff", gathering=gathering.id, invitation=invitation.id
    )
    return invitation, person


def _sentence(gathering: Gathering, places: Sequence[Place]) -> str:
    there = sum(invitation.attended is True for invitation, _ in places)
    away = sum(invitation.attended is False for invitation, _ in places)
    words = f"‘{gathering.title}’: {there} aanwezig, {away} afwezig."
    open_ = [
        person.name
        for invitation, person in places
        if invitation.attended is None and answer_of(invitation) is Said.YES
    ]
    return f"{words} Zei ja, nog niet vastgelegd: {', '.join(open_)}." if open_ else words
