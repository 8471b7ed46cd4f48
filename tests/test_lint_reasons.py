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
from test_calendar_lint_mail import GOOD as GOOD_MAIL
from test_invitation import JAN, attendees, events
from typer.testing import CliRunner

from calendars.invitation import decline_counter
from calendars.lint import lint
from calendars.lint_reasons import REASONS
from traject.cli import app


def test_every_fault_has_a_reason_and_every_reason_a_fault() -> None:
    assert {code for code, _ in (*BROKEN_CALENDARS, *BROKEN_MAILS)} == REASONS.keys()


@pytest.mark.parametrize("code", REASONS, ids=str)
def test_a_reason_is_whole_sentences(code: str) -> None:
    assert all(text[-1] in ".…" for text in REASONS[code])


@given(event=events, attendee=attendees)
@hypothesis_settings(max_examples=50, deadline=None)
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
    said = CliRunner().invoke(app, ["lint", *paths])
    assert said.exit_code == 1
    assert "organizer-without-mailto" in said.output
    assert REASONS["organizer-without-mailto"].remedy in " ".join(said.output.split())
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
