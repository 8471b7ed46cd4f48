"""The attendance list of a gathering, on paper: a PDF or a page to print, with a box to sign.

On it is everybody who may come through the door: who said yes or maybe, who did not answer, who waits for a place. Who
declined or was taken off is not. The last rows are empty, for who comes all the same.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from fpdf.enums import MethodReturnValue
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session

from models import Gathering, Organisation, Trajectory
from traject.guests import ON_THE_LIST, Guest, guests_of, said_word, staff_of
from traject.mail_words import moment, period
from traject.paper import INK, LINE, MUTED, TAGLINES, Paper, writable

TEMPLATES = Path(__file__).parent.parent / "templates" / "paper"
EMPTY_ROWS = 5


@dataclass(frozen=True, slots=True)
class AttendanceList:
    """Everything that stands on the list. `as_of` is when it was made: answers that come later are not on it."""

    title: str
    when: str
    place: str
    organiser: str
    trajectory: str
    as_of: str
    language: str
    guests: tuple[Guest, ...]


def attendance_list(
    session: Session, gathering: Gathering, *, language: str, now: datetime
) -> AttendanceList:
    """The list as it is at `now`, everybody by name."""
    trajectory = session.get_one(Trajectory, gathering.trajectory_id)
    school = session.get(Organisation, trajectory.organisation_id) if trajectory.organisation_id else None
    name = school.name if school else trajectory.group_name
    title = trajectory.title if name in trajectory.title else f"{trajectory.title}, {name}"
    staff = staff_of(session, gathering.trajectory_id)
    guests = guests_of(session, gathering, language)
    return AttendanceList(
        title=gathering.title,
        when=period(gathering.starts_at, language, gathering.ends_at, gathering.timezone),
        place=gathering.place,
        organiser=", ".join([*(person.name for person in staff[:1]), "Hart"]),
        trajectory=title,
        as_of=moment(now, language, gathering.timezone),
        language=language,
        guests=tuple(guest for guest in guests if guest.said in ON_THE_LIST),
    )


def texts(asked: AttendanceList) -> dict[str, str]:
    """The words that both forms share."""
    english = asked.language == "en"
    pairs = {
        "heading": ("Presentielijst", "Attendance list"),
        "when": ("Wanneer", "When"),
        "where": ("Waar", "Where"),
        "organiser": ("Organisatie", "Organiser"),
        "trajectory": ("Traject", "Trajectory"),
        "name": ("Naam", "Name"),
        "organisation": ("School of organisatie", "School or organisation"),
        "role": ("Rol", "Role"),
        "said": ("Antwoord", "Answer"),
        "signature": ("Handtekening", "Signature"),
        "nobody": ("Niemand staat op de lijst.", "Nobody is on the list."),
        "extra": ("Sta je er niet bij? Schrijf je hier op.", "Not on the list? Write your name here."),
        "as_of": (f"Stand van {asked.as_of}", f"As of {asked.as_of}"),
        "page": ("bladzijde", "page"),
        "of": ("van", "of"),
        "place_open": ("De plek volgt nog", "The place follows"),
        "tagline": (TAGLINES["nl"], TAGLINES["en"]),
    }
    return {name: pair[english] for name, pair in pairs.items()}


def write_html(asked: AttendanceList) -> str:
    """The list as one page that a browser prints on A4; it needs nothing from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("attendance-list.html")
    said = {guest.said: said_word(guest.said, asked.language) for guest in asked.guests}
    return template.render(list=asked, t=texts(asked), said=said, empty_rows=EMPTY_ROWS)


def write_pdf(asked: AttendanceList, made_at: datetime) -> bytes:
    """The list on A4, the headings of the columns on every sheet. The same list gives the same bytes."""
    sheet = _Sheet(asked, made_at)
    sheet.fill()
    return sheet.data()


_ROW = 11.0
_WIDTHS = (7.0, 49.0, 43.0, 33.0, 19.0, 31.0)  # number, name, organisation, role, answer, signature


class _Sheet(Paper):
    """The list while it is written."""

    def __init__(self, asked: AttendanceList, made_at: datetime) -> None:
        self.asked = asked
        self.texts = texts(asked)
        super().__init__(f"{self.texts['heading']}: {asked.title}", asked.language, made_at)
        self.set_margin(14)
        self.set_auto_page_break(False)

    def footer(self) -> None:
        """The moment of the list, and which sheet it is; fpdf2 calls this for every page."""
        self.set_y(-14)
        self.style(8, MUTED)
        self.cell(self.epw / 2, 5, self.texts["as_of"])
        sheet = f"{self.texts['page']} {self.page_no()} {self.texts['of']} {{nb}}"
        self.cell(self.epw / 2, 5, sheet, align="R")

    def fill(self) -> None:
        """The whole list."""
        asked, texts = self.asked, self.texts
        self.add_page()
        self.brand()
        self.ln(5)
        self.style(10, MUTED)
        self.line_of(texts["heading"], 6)
        self.style(19, INK, bold=True)
        self.line_of(asked.title, 9)
        self.ln(2)
        self.details(
            [
                (texts["when"], asked.when),
                (texts["where"], asked.place or texts["place_open"]),
                (texts["organiser"], asked.organiser),
                (texts["trajectory"], asked.trajectory),
            ]
        )
        self.ln(4)
        self._headings()
        for number, guest in enumerate(asked.guests, start=1):
            self._room(_ROW)
            said = said_word(guest.said, asked.language)
            self._row((str(number), guest.name, guest.organisation, ", ".join(guest.roles), said))
        if not asked.guests:
            self.style(10, MUTED)
            self.line_of(texts["nobody"], _ROW)
        self._room(_ROW * (EMPTY_ROWS + 1))
        self.style(9, MUTED)
        self.set_y(self.get_y() + 3)
        self.line_of(texts["extra"], 7)
        self.ruler(self.get_y())
        for _ in range(EMPTY_ROWS):
            self._row(("", "", "", "", ""))

    def _room(self, height: float) -> None:
        if self.get_y() + height > self.h - 20:
            self.add_page()
            self.style(9, MUTED)
            self.line_of(self.shortened(f"{self.asked.title}, {self.asked.when}", self.epw), 6)
            self.ln(1)
            self._headings()

    def _headings(self) -> None:
        names = ("", "name", "organisation", "role", "said", "signature")
        self.style(8, MUTED, bold=True)
        for name, width in zip(names, _WIDTHS, strict=True):
            self.cell(width, 6, self.shortened(self.texts.get(name, ""), width - 1))
        self.ln(6)
        self.ruler(self.get_y())

    def _row(self, values: tuple[str, ...]) -> None:
        top = self.get_y()
        for column, (value, width) in enumerate(zip((*values, ""), _WIDTHS, strict=True)):
            self.style(10 if column == 1 else 8.5, INK if column == 1 else MUTED, bold=column == 1)
            self._cell(value, width, top)
        left = self.l_margin + sum(_WIDTHS[:-1])
        self.set_draw_color(*LINE)
        self.set_line_width(0.25)
        self.rect(left, top + 1.5, _WIDTHS[-1], _ROW - 3)
        self.ruler(top + _ROW)
        self.set_xy(self.l_margin, top + _ROW)

    def _cell(self, value: str, width: float, top: float) -> None:
        """One value on one line, or on two when it is long."""
        left = self.get_x()
        text = writable(value)
        asked = self.multi_cell(width - 1, 4.4, text, align="L", dry_run=True, output=MethodReturnValue.LINES)
        lines = cast("list[str]", asked)
        shown = [lines[0], self.shortened(" ".join(lines[1:]), width - 3)] if len(lines) > 1 else [text]
        height = _ROW / 2 - 0.8 if len(shown) > 1 else _ROW
        for number, line in enumerate(shown):
            self.set_xy(left, top + (0.8 if len(shown) > 1 else 0) + number * height)
            self.cell(width, height, line)
        self.set_xy(left + width, top)
