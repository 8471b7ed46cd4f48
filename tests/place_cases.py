"""A gathering with two places for four people, and what they say."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from engine_cases import PROGRAMMES, World, engine_settings

from models import Gathering, Invitation, Message
from models.enums import InboxKind
from traject.inbox import apply_one, store_arrival
from traject.launch import RoleGiven
from traject.outcome import Outcome
from traject.store import Store
from traject.waiting import Standing, standing, taken

REF = "proefgroep:noord"
NAMES = ("anna", "bo", "cas", "dewi")
ADVISER = "s.vos@hart.example"
DAY = timedelta(days=1)


def email(name: str) -> str:
    return f"{name}@school.example"


class Few:
    """The world, and the first session of the group."""

    def __init__(
        self, store: Store, url: str, folder: Path, capacity: int | None = 2, more: str = ""
    ) -> None:
        programmes = Path(shutil.copytree(PROGRAMMES, folder / "programmes"))
        path = programmes / "proefgroep.yaml"
        title = "        title: Eerste sessie\n"
        lines = more if capacity is None else f"        capacity: {capacity}\n{more}"
        path.write_text(path.read_text().replace(title, title + lines))
        self.world = World(store, engine_settings(url, folder / "var", programmes))
        roles = [RoleGiven("deelnemer", name.title(), email(name)) for name in NAMES]
        roles.append(RoleGiven("adviseur", "Sam Vos", ADVISER))
        self.world.launch(programme="proefgroep", school=None, group="Noord", roles=tuple(roles))
        due = self.world.step("eerste").due_at
        assert due
        self.now = self.world.live(due)
        self.world.deliver(self.now)
        self._number = 0

    @property
    def gathering(self) -> Gathering:
        return self.world.gathering("eerste")

    def invitation(self, name: str) -> Invitation:
        return self.world.invitation("eerste", name if "@" in name else email(name))

    def all(self) -> list[Invitation]:
        return self.world.rows(Invitation, Invitation.gathering_id == self.gathering.id)

    def stands(self, *names: str) -> list[Standing]:
        return [standing(self.invitation(name)) for name in names or NAMES]

    def taken(self) -> int:
        return taken(self.all())

    def says(self, name: str, answer: str, *, sequence: int | None = None, after: float = 1) -> Outcome:
        """An answer from the page, some minutes after the last; to the newest version when none is named."""
        self.now += timedelta(minutes=after)
        invitation = self.invitation(name)
        said = {"partstat": answer, "sequence": invitation.sequence if sequence is None else sequence}
        return apply_one(self.world.store, self.keep(invitation, said), self.now, self.world.settings)

    def keep(self, invitation: Invitation, said: dict[str, object]) -> int:
        self._number += 1
        with self.world.store.write() as session:
            arrival = store_arrival(
                session,
                InboxKind.INVITATION_ANSWER,
                f"web:{self._number}",
                self.now,
                said,
                invitation_id=invitation.id,
            )
            session.flush()
            return (arrival.id if arrival else 0) or 0

    def full(self) -> None:
        """Anna and Bo have the two places; Cas and then Dewi wait."""
        for name in NAMES:
            self.says(name, "ACCEPTED")
        self.world.deliver(self.now)

    def wait(self, until: datetime) -> None:
        self.now = until
        self.world.advance(until)

    def news(self, name: str) -> list[Message]:
        return self.world.mails("waiting-list", "place-offered", to=email(name))
