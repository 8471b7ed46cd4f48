"""What is wrong with the HTML of a mail for those who read it: size, language, tables, pictures, links, and contrast.

Contrast is that of WCAG 2.2 §1.4.3 (AA), of every text against the nearest background, by the styles that stand in the
elements; and a second time with the rules for dark screens. Only what mail clients understand is understood here: styles
in attributes, and rules of tags and classes within `@media (prefers-color-scheme: dark)`.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

MAX_OCTETS = 100_000
"""Gmail cuts off what is longer."""

LEAST_CONTRAST = 4.5
LEAST_OF_LARGE = 3.0
LARGE, LARGE_BOLD = 24.0, 18.66  # CSS pixels

_VOID = frozenset({"br", "img", "meta", "link", "hr", "input", "col", "wbr", "base", "source"})
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{((?:[^{}]*\{[^{}]*\})*)\s*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_UNSEEN = frozenset({"head", "style", "script", "title"})


@dataclass(frozen=True, slots=True)
class _Look:
    """How the text of an element looks."""

    color: str = "#000000"
    background: str = "#ffffff"
    size: float = 16.0
    is_bold: bool = False
    is_hidden: bool = False


@dataclass
class _Checker(HTMLParser):
    """Walks through a mail once, in light or in dark."""

    language: str
    dark: dict[str, dict[str, str]] | None
    findings: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, _Look]] = [("", _Look())]
        self._link_text: str | None = None
        self._leads = ""
        self._links: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        look = self._looks(tag, given)
        if self.dark is None:
            self._judge(tag, given)
        if tag not in _VOID:
            self._open.append((tag, look))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link_text is not None:
            self._judge_link(" ".join(self._link_text.split()))
            self._link_text = None
        while len(self._open) > 1 and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._link_text is not None:
            self._link_text += data
        tag, look = self._open[-1]
        if not data.strip() or look.is_hidden or tag in _UNSEEN:
            return
        is_large = look.size >= LARGE or (look.is_bold and look.size >= LARGE_BOLD)
        found, least = contrast(look.color, look.background), LEAST_OF_LARGE if is_large else LEAST_CONTRAST
        if found < least:
            where = "dark" if self.dark is not None else "light"
            said = " ".join(data.split())[:40]
            self.findings.append(
                f"{where}: the contrast of ‘{said}’ is {found:.1f} ({look.color} on {look.background}); at least {least}"
            )

    def _judge(self, tag: str, given: dict[str, str]) -> None:
        if tag == "html" and given.get("lang") != self.language:
            self.findings.append(f"lang is {given.get('lang')!r}, not {self.language!r}")
        if tag == "table" and given.get("role") != "presentation":
            self.findings.append("a table has no role=presentation")
        if tag == "img" and "alt" not in given:
            self.findings.append(f"a picture has no alt: {given.get('src', '')[:60]}")
        if tag == "a":
            self._link_text, self._leads = "", given.get("href", "")
            if not re.match(r"https?://|mailto:", given.get("href", "")):
                self.findings.append(f"a link goes nowhere: {given.get('href', '')[:60]!r}")

    def _judge_link(self, said: str) -> None:
        if not said:
            self.findings.append("a link has no text")
        elif self._links.setdefault(said, self._leads) != self._leads:
            # A list of links, as screen readers give it, has nothing around them (WCAG 2.2 §2.4.4, §2.4.9).
            self.findings.append(f"two links say ‘{said}’ and lead to different pages")

    def _looks(self, tag: str, given: dict[str, str]) -> _Look:
        above = self._open[-1][1]
        style = _declarations(given.get("style", ""))
        for name in (tag, *(f".{each}" for each in given.get("class", "").split())):
            style |= (self.dark or {}).get(name, {})
        size = re.fullmatch(r"([\d.]+)px", style.get("font-size", ""))
        weight = style.get("font-weight")
        is_bold = (
            above.is_bold or tag in ("strong", "b") if weight is None else weight in ("bold", "600", "700")
        )
        return _Look(
            color=_color(style.get("color")) or above.color,
            background=_color(style.get("background-color") or given.get("bgcolor")) or above.background,
            size=float(size[1]) if size else above.size,
            is_bold=is_bold,
            is_hidden=above.is_hidden or style.get("display") == "none",
        )


def findings_of(html: str, language: str) -> list[str]:
    """Return every fault that a receiver could meet, each once, in the order of the mail."""
    found: list[str] = []
    if len(html.encode()) > MAX_OCTETS:
        found.append(f"it has {len(html.encode())} octets, more than {MAX_OCTETS}")
    dark = _dark_rules(html)
    if not dark:
        found.append("it has no rules for dark screens")
    for rules in (None, dark):
        checker = _Checker(language, rules)
        checker.feed(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
        checker.close()
        found += checker.findings
    return list(dict.fromkeys(found))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as `#a3163b`, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _dark_rules(html: str) -> dict[str, dict[str, str]]:
    """The dark rules by their selector, one tag or class each; all are marked as important, so they win."""
    rules: dict[str, dict[str, str]] = {}
    for block in _DARK.findall(html):
        for selectors, body in _RULE.findall(block):
            for selector in selectors.split(","):
                rules.setdefault(selector.strip(), {}).update(_declarations(body))
    return rules


def _declarations(style: str) -> dict[str, str]:
    pairs = (each.partition(":") for each in style.split(";") if ":" in each)
    return {name.strip().lower(): value.replace("!important", "").strip().lower() for name, _, value in pairs}


def _color(value: str | None) -> str | None:
    if value and re.fullmatch(r"#[0-9a-f]{6}", value):
        return value
    if value and re.fullmatch(r"#[0-9a-f]{3}", value):
        return "#" + "".join(each * 2 for each in value[1:])
    return None
