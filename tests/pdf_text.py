"""What a reader of one of our PDFs can select, sheet by sheet: read from its own bytes, through its own ToUnicode maps."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)\sendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*?)\nendstream", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_SHOWN = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", re.DOTALL)


def sheets(data: bytes) -> list[str]:
    """The text of each page, in the order in which it is drawn."""
    objects = {int(number): body for number, body in _OBJECT.findall(data)}
    fonts = {
        int(name): _letters(_stream(objects[_reference(objects[int(number)], b"ToUnicode")]))
        for name, number in re.findall(rb"/F(\d+) (\d+) 0 R", data)
    }
    pages = [body for body in objects.values() if re.search(rb"/Type /Page\b", body)]
    return [_text(_stream(objects[_reference(page, b"Contents")]), fonts) for page in pages]


def _reference(body: bytes, key: bytes) -> int:
    found = re.search(rb"/" + key + rb" (\d+) 0 R", body)
    assert found, key
    return int(found[1])


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    assert found
    return zlib.decompress(found[1]) if b"FlateDecode" in body else found[1]


def _letters(cmap: bytes) -> dict[int, str]:
    letters: dict[int, str] = {}
    for glyph, letter in re.findall(rb"(?m)^<([0-9A-F]{4})> <([0-9A-F]{4,})>$", cmap):
        letters[int(glyph, 16)] = bytes.fromhex(letter.decode()).decode("utf-16-be")
    return letters


def _text(content: bytes, fonts: dict[int, dict[int, str]]) -> str:
    font, lines = 0, list[str]()
    for name, shown in _SHOWN.findall(content):
        if name:
            font = int(name)
            continue
        raw = _ESCAPED.sub(lambda found: _CONTROL.get(found[1], found[1]), shown)
        glyphs = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
        lines.append("".join(fonts[font].get(glyph, "?") for glyph in glyphs))
    return "\n".join(lines)
