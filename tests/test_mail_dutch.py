"""An English mail says which of its words are Dutch, so that a screen reader gives them Dutch sounds."""

import re
from datetime import datetime
from html import unescape
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, engine_settings, local
from mail_samples import bodies
from sqlalchemy import update

from models import Message, Person
from traject import nudges
from traject.compose import Composed
from traject.mail_preview import previews
from traject.mail_words import Dutch, marked
from traject.programme import Text
from traject.programme_file import load_programmes
from traject.settings import Settings
from traject.store import Store

PROGRAMMES = Path(__file__).parent.parent / "programmes"
MARKED = re.compile(r'<span lang="nl">(.*?)</span>')


def unmarked(html: str) -> str:
    """What is read aloud with the sounds of the mail; its name and its subject hold several languages at once."""
    body = html.partition("<body")[2].partition(">")[2]
    return unescape(re.sub(r"<[^>]*>", "", MARKED.sub("", body)))


@pytest.mark.parametrize("name", sorted(load_programmes(PROGRAMMES)))
def test_no_dutch_word_of_a_programme_stands_unmarked_in_an_english_mail(
    name: str, tmp_path: Path, now: datetime
):
    programme = load_programmes(PROGRAMMES)[name]
    texts = [programme.title, *(each for s in programme.steps for each in (s.title, s.text, s.place) if each)]
    texts += [Text("De zaal was dubbel geboekt."), Text("De Pletterij, Haarlem")]
    dutch = {line for text in texts if text.nl != text.en for line in text.nl.splitlines() if line.strip()}
    seen = 0
    for made in previews(programme, "Bos & Vaart", Settings(var_dir=tmp_path), now):
        if made.language == "nl":
            assert not MARKED.search(made.html), made.kind
            continue
        seen += len(MARKED.findall(made.html))
        assert [each for each in dutch if each in unmarked(made.html)] == [], made.kind
        assert "<span" not in made.text + made.subject
    assert seen > 20


def test_real_mails_to_somebody_who_reads_english_say_so(store: Store, database_url: str, tmp_path: Path):
    add_school(store)
    world = World(store, engine_settings(database_url, tmp_path / "var"))
    world.launch()
    with store.write() as session:
        session.exec(update(Person).values(language="en"))
    world.live(local(2026, 9, 8, 12))
    world.advance(local(2026, 9, 21, 9))
    nudges.send(world.store, world.settings, now=local(2026, 9, 21, 9))
    trajectory, gathering = world.trajectory(), world.gathering("kennismaking")
    kinds: set[str] = set()
    for message in world.rows(Message, Message.queued_at > MORNING):
        html = bodies(Composed(message.subject, message.data))[1]
        kinds.add(message.kind)
        assert f'<span lang="nl">{trajectory.title}</span>' in html, message.kind
        assert trajectory.title not in unmarked(html), message.kind
        assert gathering.title not in unmarked(html), message.kind
    assert {"invitation", "nudge"} <= kinds


def test_what_has_an_english_text_is_not_marked():
    both, one = Text("Welkom", "Welcome"), Text("Welkom")
    assert (both.for_mail("en"), type(both.for_mail("en"))) == ("Welcome", str)
    assert (one.for_mail("en"), type(one.for_mail("en"))) == ("Welkom", Dutch)


def test_dutch_within_an_english_sentence_is_marked_where_it_stands_as_a_whole():
    said = marked("See you at De <kunst> & Co, not at De kunstenaar", "en", ("De <kunst>", "De kunst"))
    assert said == ('See you at <span lang="nl">De &lt;kunst&gt;</span> &amp; Co, not at De kunstenaar')
    assert marked("Tot bij De kunst", "nl", ("De kunst",)) == "Tot bij De kunst"
