"""A trajectory goes over to a new version of its programme: what happened stays, what is to come is planned anew."""

from datetime import datetime

from models import ProgrammeVersion
from models.enums import StageState, StepState
from traject.dossier import Dossier
from traject.errors import Refused
from traject.launch import store_version
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.replan import replan
from traject.settings import Settings
from traject.staff import StaffResult, action
from traject.staff_action import refuse_ended
from traject.store import Store


def migrate(
    store: Store,
    settings: Settings,
    reference: str,
    *,
    version: int | None = None,
    keep_dates: bool = True,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Go over to the version that stands in the programmes folder (or the named one, if that is it).

    `keep_dates`: dates of gatherings that were proposed stay while they fit; else all are chosen anew. Refused when the
    new version lacks the stage that runs, or a step that is open.
    """
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        dossier = work.dossier
        refuse_ended(dossier.trajectory)
        current = work.session.get_one(ProgrammeVersion, dossier.trajectory.programme_version_id)
        new = load_programmes(settings.programmes_dir).get(current.key)
        if new is None or (version is not None and new.version != version):
            raise Refused(
                f"versie {version or ''} van ‘{current.key}’ staat niet in {settings.programmes_dir}; "
                + (f"daar staat versie {new.version}" if new else "daar staat dit programma niet"),
                f"version {version or ''} of ‘{current.key}’ is not in {settings.programmes_dir}; "
                + (f"version {new.version} is" if new else "nor is any other version"),
            )
        if new.version <= current.version:
            raise Refused(
                f"dit traject volgt al versie {current.version} van ‘{current.key}’; er is geen nieuwere",
                f"this trajectory follows version {current.version} of ‘{current.key}’ already; there is no newer one",
            )
        _refuse_losses(dossier, new)
        dossier.trajectory.programme_version_id = store_version(work.session, new, now)
        dossier.programme = new
        known = {stage.key for stage in new.stages}
        for key, row in list(dossier.stages.items()):
            if key not in known and row.state is StageState.PLANNED:
                work.session.delete(row)
                del dossier.stages[key]
        replan(work.session, dossier, now, keep_dates=keep_dates)
        work.effects.event("trajectory.migrated", actor="staff", version=new.version, before=current.version)
        work.sentence = f"Het traject volgt nu versie {new.version} van ‘{new.title.nl}’."
    return result


def _refuse_losses(dossier: Dossier, new: Programme) -> None:
    stages = {stage.key for stage in new.stages}
    for key, row in dossier.stages.items():
        if row.state is StageState.OPEN and key not in stages:
            raise Refused(
                f"versie {new.version} van ‘{new.key}’ kent de lopende fase ‘{row.title}’ ({key}) niet; "
                "sluit die fase eerst af, of zet haar terug in het programma",
                (
                    f"version {new.version} of ‘{new.key}’ does not have the stage ‘{row.title}’ ({key}), which is open; "
                    "close that stage first, or put it back in the programme"
                ),
            )
    kinds = {step.key: step.kind for step in new.steps}
    roles = {role.key for role in new.roles}
    for (key, _), row in dossier.steps.items():
        if (
            row.state is StepState.OPEN
            and kinds.get(key.partition("/")[0]) is not row.kind
            and "/" not in key
        ):
            raise Refused(
                f"versie {new.version} van ‘{new.key}’ kent de stap ‘{row.title}’ ({key}) niet, en die staat open; "
                "rond hem eerst af of sla hem over",
                (
                    f"version {new.version} of ‘{new.key}’ does not have the step ‘{row.title}’ ({key}), which is open; "
                    "finish it first or skip it"
                ),
            )
    for role, people in dossier.holders.items():
        if people and role not in roles:
            raise Refused(
                f"versie {new.version} van ‘{new.key}’ kent de rol ‘{role}’ niet, en {people[0].name} heeft die; "
                "draag de rol eerst over",
                (
                    f"version {new.version} of ‘{new.key}’ does not have the role ‘{role}’, and {people[0].name} has it; "
                    "hand the role over first"
                ),
            )
