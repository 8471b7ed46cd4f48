"""What Hart's papers look like: A4, one typeface, a title and a language; the same input gives the same bytes.

The typeface is Open Sans (traject/fonts, Apache License 2.0), embedded: it has the letters of every language that is
written in Latin, Greek or Cyrillic, so that a name stands on paper as its owner writes it.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF, ViewerPreferences
from fpdf.enums import XPos, YPos

FONTS = Path(__file__).parent / "fonts"
FAMILY = "Open Sans"
MARGIN = 18.0
"""Millimetres, as all lengths here."""

Colour = tuple[int, int, int]
ACCENT: Colour = (163, 22, 59)  # the colours of the mails and the pages
INK: Colour = (34, 37, 42)
MUTED: Colour = (93, 96, 102)
LINE: Colour = (216, 209, 199)
TAGLINES = {"nl": "centrum voor kunst en cultuur, Haarlem", "en": "centre for arts and culture, Haarlem"}
_UNSEEN = ("Cc", "Cf")
_REGIONS = {"nl": "nl-NL", "en": "en-GB"}


class Paper(FPDF):
    """One document. `made_at` is the instant it says it was made: given, because a clock would change its bytes."""

    def __init__(self, title: str, language: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self.set_margin(MARGIN)
        for style, file in (("", "OpenSans-Regular.ttf"), ("B", "OpenSans-Semibold.ttf")):
            self.add_font(FAMILY, style, FONTS / file)
        self.set_title(title)
        self.set_author("Hart")
        self.set_lang(_REGIONS[language])
        self.set_creation_date(made_at)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.language = language

    def say(self, dutch: str, english: str) -> str:
        """The text in the language of the paper."""
        return english if self.language == "en" else dutch

    def style(self, size: float, colour: Colour = INK, *, bold: bool = False) -> None:
        """How what follows is written; `size` in points."""
        self.set_font(FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def line_of(self, text: str, height: float) -> None:
        """Text on lines of its own, as wide as the page."""
        left, down = XPos.LMARGIN, YPos.NEXT
        self.multi_cell(self.epw, height, writable(text), align="L", new_x=left, new_y=down)

    def brand(self) -> None:
        """Who speaks: at the top of every first page."""
        self.set_fill_color(*ACCENT)
        self.rect(0, 0, self.w, 3, style="F")
        self.style(24, ACCENT, bold=True)
        self.line_of("Hart", 10)
        self.style(9, MUTED)
        self.line_of(TAGLINES[self.language], 5)

    def details(self, rows: Sequence[tuple[str, str]], label_width: float = 28) -> None:
        """What is what, a row each; a row without a value is left out."""
        for label, value in rows:
            if not value:
                continue
            self.style(9.5, MUTED)
            self.cell(label_width, 6, label)
            self.style(10.5)
            width = self.epw - label_width
            self.multi_cell(width, 6, writable(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def ruler(self, y: float) -> None:
        """A thin line over the width of the page."""
        self.set_draw_color(*LINE)
        self.set_line_width(0.25)
        self.line(self.l_margin, y, self.w - self.r_margin, y)

    def shortened(self, text: str, width: float) -> str:
        """What of a text fits in one line of this width, in the style of now; `…` stands for what is left out."""
        text = writable(text)
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(f"{text}…") > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def data(self) -> bytes:
        """The bytes of the PDF."""
        return bytes(self.output())


def writable(text: str) -> str:
    """The text in letters that the typeface has; `\N{REPLACEMENT CHARACTER}` stands for any other.

    What has no form of its own (control characters, soft hyphens) is left out.
    """
    letters = _letters()
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(
        letter if ord(letter) in letters else "\N{REPLACEMENT CHARACTER}"
        for letter in composed
        if unicodedata.category(letter) not in _UNSEEN
    )


@lru_cache
def _letters() -> frozenset[int]:
    with TTFont(FONTS / "OpenSans-Regular.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
