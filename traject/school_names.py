"""How DUO's capitals and official names become names that people use."""

import re

_SMALL_WORDS = frozenset({"aan", "a/d", "bij", "de", "den", "der", "en", "het", "in", "op", "ter", "van"})
_PROVINCES = frozenset({"DR", "FR", "GLD", "GN", "LB", "NB", "NH", "OV", "UT", "ZH", "ZLD"})
_KIND_OF_SCHOOL = re.compile(
    r"^(?:(?:openbare|christelijke|protestants[- ]christelijke|rooms[- ]katholieke?|algemeen bijzondere|"
    r"islamitische|interconfessionele|school voor speciaal|speciale)\s+)*(?:basisonderwijs|basisschool)\s+(?=\S)",
    re.IGNORECASE,
)
_LEVELS = re.compile(
    r"(?<!^school)\s+(?:voor\s+.*(?:onderwijs|atheneum|gymnasium|lyceum|havo|vwo|mavo|vmbo|vbo|lwoo|praktijkonderwijs).*"
    r"|(?:havo|vwo|mavo|vmbo|vbo|atheneum)(?:\s+(?:en\s+)?(?:havo|vwo|mavo|vmbo|vbo|lwoo|atheneum))*)$",
    re.IGNORECASE,
)


def readable_place(name: str) -> str:
    """`'S-GRAVENHAGE` as `'s-Gravenhage`, `SPAARNDAM GEM. HAARLEM` as `Spaarndam`; a name in small letters stays."""
    if name != name.upper():
        return name
    name = re.sub(r"\s+GEM\.?\s.*$", "", name)
    return " ".join(_place_word(word, number) for number, word in enumerate(name.split()))


def _place_word(word: str, number: int) -> str:
    if word in _PROVINCES and number:
        return word
    if number and word.lower() in _SMALL_WORDS:
        return word.lower()
    return "-".join(_place_part(part) for part in word.split("-"))


def _place_part(part: str) -> str:
    lowered = part.lower()
    if lowered in {"'s", "'t", "’s", "’t"}:
        return lowered
    if lowered.startswith("ij"):
        return "IJ" + lowered[2:]
    return lowered[:1].upper() + lowered[1:]


def display_name(official: str) -> str:
    """An official name without the kind and the levels of school: `Openbare Basisschool De Cirkel` as `De Cirkel`.

    Only a first proposal: staff may give a school another name, and an import keeps that.
    """
    shorter = _LEVELS.sub("", official)
    shorter = _KIND_OF_SCHOOL.sub("", shorter).strip(' ,-"')
    return shorter[:1].upper() + shorter[1:] if len(shorter) > 2 else official
