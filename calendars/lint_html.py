"""What is wrong with the HTML of a mail, where mail programs and screen readers stumble."""

import re
from collections.abc import Iterator

from calendars.lint_finding import Finding, Findings

HTML_OCTETS = 100_000
_TAG = re.compile(r"<(html|img|table|link|meta|script)\b((?:\"[^\"]*\"|'[^']*'|[^>\"'])*)>", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?<![\w:-])lang=[\"']?[a-z]")
_IMPORT = re.compile(rb"@import\s", re.IGNORECASE)


def lint_html(html: bytes) -> Findings:
    """Yield the faults of an HTML part (its decoded bytes), at most one of each kind."""
    if len(html) > HTML_OCTETS:
        yield Finding(
            "html-too-big",
            0,
            f"The HTML has {len(html)} octets; Gmail cuts it off at 102 kB.",
            f"{len(html)}",
        )
    tags = [(found[1].lower(), found[2].lower()) for found in _TAG.finditer(html.decode(errors="replace"))]
    if not any(name == "html" and _LANGUAGE.search(given) for name, given in tags):
        yield Finding("html-lang", 0, "The HTML does not say its language.")
    if not any(name == "meta" and "color-scheme" in given for name, given in tags):
        yield Finding("html-color-scheme", 0, "The HTML does not say which colour schemes it knows.")
    yield from _first_without(tags, "img", "alt=", "html-alt", "An image has no alt text.")
    presentation = "A table of the layout has no role=presentation."
    yield from _first_without(tags, "table", "role=", "html-table-role", presentation)
    if any(name == "link" and "stylesheet" in given for name, given in tags) or _IMPORT.search(html):
        yield Finding("html-stylesheet", 0, "The HTML links a style sheet.")
    if any(name == "script" for name, _ in tags):
        yield Finding("html-script", 0, "The HTML holds a script.")


def _first_without(
    tags: list[tuple[str, str]], name: str, wanted: str, code: str, message: str
) -> Iterator[Finding]:
    if any(tag == name and wanted not in given for tag, given in tags):
        yield Finding(code, 0, message)
