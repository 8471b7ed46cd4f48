"""Each fault that the lint can find says whom it breaks and how to mend it; `traject lint` shows it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from mail_samples import EVENT
from test_calendar_lint import BROKEN as BROKEN_CALENDARS
from test_calendar_lint import CANCEL, GOOD
from test_calendar_lint_mail import BROKEN as BROKEN_MAILS
from test_calendar_lint_mail import CALENDAR, mail
from test_calendar_lint_mail import GOOD as GOOD_MAIL
from test_invitation import JAN, attendees, events
from typer.testing import CliRunner

from calendars.invitation import decline_counter
from calendars.lint import lint
from calendars.lint_dutch import DUTCH
from calendars.lint_mail import lint_mail
from calendars.lint_reasons import REASONS
from traject.cli import app


def test_every_fault_has_a_reason_and_every_reason_a_fault() -> None:
    assert {code for code, _ in (*BROKEN_CALENDARS, *BROKEN_MAILS)} == REASONS.keys()


@pytest.mark.parametrize("code", REASONS, ids=str)
def test_a_reason_is_whole_sentences_in_both_languages(code: str) -> None:
    assert all(text[-1] in ".…" for text in (*REASONS[code], *DUTCH[code]))


def test_every_fault_is_said_in_dutch_with_what_it_is_about() -> None:
    assert DUTCH.keys() == REASONS.keys()
    found = [one for code, data in BROKEN_CALENDARS for one in lint(data) if one.code == code]
    found += [one for code, data in BROKEN_MAILS for one in lint_mail(data) if one.code == code]
    assert {one.code for one in found} == DUTCH.keys()
    for one in found:
        dutch, english = one.in_language("nl"), one.in_language("en")
        assert dutch != english
        assert english == (one.message, one.why, one.remedy) or one.inside == "invite.ics"
        assert ("{}" in DUTCH[one.code].what) == bool(one.about), one.code
        assert one.about in dutch.what


def test_what_is_wrong_in_the_attachment_alone_says_so() -> None:
    broken = mail(attached=CALENDAR.replace(b"\r\n", b"\n"))
    said = {one.in_language("nl").what for one in lint_mail(broken) if one.code == "bare-lf"}
    assert said == {"invite.ics: De regel eindigt op LF alleen."}


@given(event=events, attendee=attendees)
@hypothesis_settings(max_examples=50)
def test_every_declined_proposal_is_clean(event, attendee) -> None:
    assert lint(decline_counter(event, attendee, "De zaal is bezet; het blijft zo.")) == []


def test_a_declined_proposal_needs_to_say_to_whom() -> None:
    data = decline_counter(EVENT, JAN)
    broken = data[: data.index(b"ATTENDEE")] + data[data.index(b"END:VEVENT") :]
    assert [finding.code for finding in lint(broken)] == ["attendee-missing"]


def test_the_command_tells_line_reason_and_remedy_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_bytes(GOOD.replace(b"mailto:planning@", b"planning@"))
    (tmp_path / "b.eml").write_bytes(GOOD_MAIL)
    (tmp_path / "c").write_bytes(CANCEL)
    paths = [str(tmp_path / name) for name in ("a.ics", "b.eml", "c")]
    for lang, fault in (
        ("nl", DUTCH["organizer-without-mailto"]),
        ("en", REASONS["organizer-without-mailto"]),
    ):
        said = CliRunner().invoke(app, ["--lang", lang, "lint", *paths])
        assert said.exit_code == 1
        assert "organizer-without-mailto" in said.output
        assert f"{fault.why} {fault.remedy}" in " ".join(said.output.split())
    given = CliRunner().invoke(app, ["lint", *paths, "--json"])
    assert given.exit_code == 1
    [a, b, c] = json.loads(given.stdout)
    assert [one["code"] for one in a["findings"]] == ["organizer-without-mailto"]
    assert a["findings"][0].keys() == {"code", "line", "what", "why", "remedy"}
    assert GOOD.split(b"\r\n")[a["findings"][0]["line"] - 1].startswith(b"ORGANIZER")
    assert b["findings"] == c["findings"] == []


def test_clean_files_end_with_0_and_a_file_that_is_not_there_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_bytes(GOOD)
    assert CliRunner().invoke(app, ["lint", str(tmp_path / "a.ics")]).exit_code == 0
    assert CliRunner().invoke(app, ["lint", str(tmp_path / "weg.ics")]).exit_code == 1
