"""What a mail said, read back from its plain text, so that it can stand in an overview with other mails.

The frame of our own mails (templates/emails/base.txt) is a greeting, what it is about, a line that names the adviser, and
below a row of dashes what every mail ends with.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from email import message_from_bytes
from email.policy import default as modern
from html import escape, unescape

from traject.mail_contexts import DigestLine, DigestPiece
from traject.mail_words import Dutch

_LINK = re.compile(r"([^:\n]{1,80}): (https?://\S+)")
_ROW = re.compile(r"([^:\n]{1,24}): (\S.*)")
_BUTTON = re.compile(r'<a class="button" href="([^"]+)"')
_DUTCH = re.compile(r'<span lang="nl">(.*?)</span>')  # as compose writes it
_ASK = re.compile(r"[^\n]+: (\S+@\S+)")
_ENDS = "\n--------\n"


def adviser_of(mail: bytes) -> str:
    """The address that a mail of ours names for questions; empty when it names none."""
    paragraphs = _paragraphs(mail)
    found = _ASK.fullmatch(paragraphs[-1]) if paragraphs else None
    return found[1] if found else ""


def dutch_in(mail: bytes) -> tuple[str, ...]:
    """What an English mail of ours says to be Dutch, each text once."""
    return tuple(dict.fromkeys(unescape(each) for each in _DUTCH.findall(_body(mail, "html"))))


def pieces_of(mail: bytes, *, adviser: str = "", known: Collection[str] = ()) -> tuple[DigestPiece, ...]:
    """What a mail of ours said, without its greeting, its ending and what the overview says once.

    `adviser`: the address in the line that names the adviser; `known`: values whose rows are left out. In order:
    paragraphs, rows of label and value, links with their label.
    """
    paragraphs = _paragraphs(mail)
    pressed, dutch = set(_BUTTON.findall(_body(mail, "html"))), dutch_in(mail)
    if adviser and paragraphs[-1:] and paragraphs[-1].endswith(f": {adviser}"):
        paragraphs.pop()
    return tuple(
        _told(piece, dutch)
        for paragraph in paragraphs
        for piece in _pieces(paragraph.split("\n"), known, pressed)
    )


def told_apart(lines: Sequence[DigestLine]) -> tuple[DigestLine, ...]:
    """Where links of several mails have one name, each has the title of its mail behind it (WCAG 2.4.4)."""
    named = Counter(piece.label for line in lines for piece in line.pieces if piece.url)

    def told(line: DigestLine, piece: DigestPiece) -> DigestPiece:
        is_shared = bool(piece.url) and named[piece.label] > 1
        return replace(piece, label=f"{piece.label} ({line.title})") if is_shared else piece

    return tuple(replace(line, pieces=tuple(told(line, piece) for piece in line.pieces)) for line in lines)


def _told(piece: DigestPiece, dutch: Collection[str]) -> DigestPiece:
    rows = tuple((label, Dutch(value) if value in dutch else value) for label, value in piece.rows)
    return replace(piece, rows=rows)


def _paragraphs(mail: bytes) -> list[str]:
    greeted = [
        each.strip("\n") for each in _body(mail, "plain").partition(_ENDS)[0].split("\n\n") if each.strip()
    ]
    return greeted[1:]


def _body(mail: bytes, kind: str) -> str:
    body = message_from_bytes(mail, policy=modern).get_body((kind,))
    return body.get_content().replace("\r\n", "\n") if body else ""


def _pieces(lines: list[str], known: Collection[str], pressed: Collection[str]) -> list[DigestPiece]:
    found: list[DigestPiece] = []
    prose: list[str] = []
    for line in lines:
        if link := _LINK.fullmatch(line):
            found += _said(prose, known)
            found.append(DigestPiece(label=link[1], url=link[2], is_pressed=escape(link[2]) in pressed))
            prose = []
        else:
            prose.append(line)
    return found + _said(prose, known)


def _said(lines: list[str], known: Collection[str]) -> list[DigestPiece]:
    """Lines between links: rows when there are several and each has a label, else a paragraph."""
    rows = [row.groups() for line in lines if (row := _ROW.fullmatch(line))]
    if len(rows) != len(lines) or len(rows) < 2:
        return [DigestPiece(paragraph="\n".join(lines))] if lines else []
    told = tuple((label, value) for label, value in rows if value not in known)
    return [DigestPiece(rows=told)] if told else []
