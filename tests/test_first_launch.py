"""The first launch that README.md shows, pasted at any hour of any day, gives a newcomer what it promises."""

import re
import shlex
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from commands import with_settings
from smtp_faults import Post, serving

from traject.settings import Settings

ROOT = Path(__file__).parent.parent


def pasted() -> list[list[str]]:
    """The commands of the first block, as a shell splits them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.findall(r"(?:^    .*\n)+", text.partition("## A first launch")[2], re.MULTILINE)[0]
    lines = block.replace("\\\n", " ").strip().splitlines()
    return [shlex.split(line.strip().removeprefix(".venv/bin/traject ")) for line in lines]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("2026-11-23T22:40:00+01:00", id="an evening"),
        pytest.param("2026-12-31T23:59:00+01:00", id="New Year's Eve"),
        pytest.param("2027-03-28T01:30:00+01:00", id="the night in which the clock goes forward"),
        pytest.param("2027-07-20T09:00:00+02:00", id="the summer holiday"),
    ],
)
def test_the_first_launch_can_be_pasted_at_any_hour(
    moment: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Post()) as post, time_machine.travel(datetime.fromisoformat(moment), tick=True):
        traject = with_settings(monkeypatch, settings, TRAJECT_SMTP_URL=f"smtp://127.0.0.1:{post.port}")
        assert traject("init").code == 0
        for command in pasted():
            ran = traject(*command)
            assert (ran.code, ran.err) == (0, ""), command
            if command[:2] == ["outbox", "show"]:
                assert "Beste Noor Visser," in ran.out
        assert sorted(post.to()) == ["jan@camelot.example", "noor@camelot.example"]

        # The second block: the day of the first invitation, taken from what `status` and `upcoming` tell.
        coming = traject("upcoming", "--days", "120", "--json").json
        invitation = next(one for one in coming if one["what"] == "invite")
        assert traject("run-once", "--now", f"{invitation['at'][:10]} 10:00").code == 0
        mails = traject("outbox", "list", "--json").json
        noor = next(m for m in mails if m["to"] == "noor@camelot.example" and m["kind"] == "invitation")
        assert noor["state"] == "accepted"
        assert "/i/" in traject("outbox", "show", str(noor["id"])).out
