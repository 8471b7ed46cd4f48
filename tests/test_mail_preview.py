"""Every mail can be looked at with a school's own name and a programme's own words, and is checked for its readers."""

import struct
import sys
from datetime import datetime
from pathlib import Path

import pytest
from commands import with_settings

from models.enums import MessageKind
from traject.html_check import contrast, findings_of
from traject.mail_contexts import CONTEXTS
from traject.mail_pictures import WIDTHS, find_browser
from traject.mail_preview import previews, write
from traject.mail_words import LANGUAGES
from traject.programme_file import load_programmes
from traject.settings import Settings
from traject.store import Store

PROGRAMMES = Path(__file__).parent.parent / "programmes"


@pytest.mark.parametrize("programme", sorted(load_programmes(PROGRAMMES)))
def test_every_mail_of_every_programme_is_right_for_its_readers(
    programme: str, tmp_path: Path, now: datetime
):
    settings = Settings(var_dir=tmp_path, secret_key="a key for tests")
    made = list(previews(load_programmes(PROGRAMMES)[programme], "Bos & Vaart", settings, now))
    assert {(each.kind, each.language) for each in made} == {
        (k, lang) for k in CONTEXTS for lang in LANGUAGES
    }
    assert set(CONTEXTS) == set(MessageKind)
    assert {f"{each.language}/{each.kind}": each.findings for each in made if each.findings} == {}


WRONG = {
    "no alt": ('<img src="x.png">', "a picture has no alt"),
    "no role": ("<table></table>", "a table has no role=presentation"),
    "nowhere": ('<a href="#">hier</a>', "a link goes nowhere"),
    "no words": ('<a href="https://x.example"> </a>', "a link has no text"),
    "the same words": (
        '<a href="https://x.example/1">Ik  kom</a><a href="https://x.example/2"><b>Ik kom</b></a>',
        "two links say ‘Ik kom’ and lead to different pages",
    ),
    "pale": ('<p style="color: #999999">licht</p>', "light: the contrast of ‘licht’ is 2.8"),
    "pale in the dark": (
        '<p class="pale" style="color: #111111">licht</p>',
        "dark: the contrast of ‘licht’ is",
    ),
    "too long": ("x" * 100_000, "octets, more than"),
}
PAGE = (
    '<html lang="nl"><head><style>@media (prefers-color-scheme: dark) {{ body {{ background-color: #111111 !important; }} '
    "p {{ color: #eeeeee !important; }} .pale {{ color: #333333 !important; }} }}</style></head>"
    '<body style="background-color: #ffffff">{}</body></html>'
)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str):
    html, said = WRONG[name]
    assert any(said in found for found in findings_of(PAGE.format(html), "nl"))


def test_what_is_right_is_left_alone():
    assert findings_of(PAGE.format('<p style="color: #111111">goed</p><img src="x" alt="">'), "nl") == []
    assert findings_of(PAGE.format(""), "en") == ["lang is 'nl', not 'en'"]
    large = '<p style="color: #8a8a8a; font-size: 24px">{}</p>'
    assert findings_of(PAGE.format(large.format("groot")), "nl") == []


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [("#000000", "#ffffff", 21.0), ("#767676", "#ffffff", 4.54), ("#ffffff", "#ffffff", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, wanted: float):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(wanted, abs=0.01)


def test_the_files_and_the_page_to_look_through_them_are_there(tmp_path: Path, now: datetime):
    settings = Settings(var_dir=tmp_path, secret_key="a key for tests")
    made = list(previews(load_programmes(PROGRAMMES)["po-nieuw"], "Bos & Vaart", settings, now))
    assert write(tmp_path / "out", made, pictures=False) is False
    names = {f"{each.language}/{each.kind}.{end}" for each in made for end in ("html", "txt")}
    assert {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.*")} == {
        *names,
        "index.html",
    }
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}"' in page for name in names)
    assert "Bos &amp; Vaart" in (tmp_path / "out" / "nl" / "welcome.html").read_text(encoding="utf-8")


def test_the_command_takes_a_real_school(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = with_settings(monkeypatch, settings)
    assert run("init").code == 0
    done = run(
        "templates",
        "preview",
        "--out",
        str(tmp_path / "out"),
        "--school",
        "16LF00",
        "--no-pictures",
        "--json",
    )
    assert done.code == 0, done.out
    assert done.json["school"]
    assert len(done.json["mails"]) == len(MessageKind) * len(LANGUAGES)
    assert run("templates", "preview", "--out", str(tmp_path), "--school", "99XX99").code == 1
    assert run("templates", "preview", "--out", str(tmp_path), "--programme", "x").code == 1


FAKE_BROWSER = """#!{python}
import base64, json, os
from urllib.parse import unquote, urlsplit
log, unread, shown = open({log!r}, "a"), b"", ""
print("start", file=log, flush=True)
while read := os.read(3, 65536):
    unread += read
    while b"\\0" in unread:
        asked, _, unread = unread.partition(b"\\0")
        asked = json.loads(asked)
        method, result = asked["method"], {{}}
        if method == "Target.getTargets":
            result = {{"targetInfos": [{{"type": "page", "targetId": "t"}}]}}
        elif method == "Target.attachToTarget":
            result = {{"sessionId": "s"}}
        elif method == "Page.getLayoutMetrics":
            result = {{"cssContentSize": {{"height": 1234.4}}}}
        elif method == "Page.captureScreenshot":
            result = {{"data": base64.b64encode(b"PNG").decode()}}
        elif method == "Page.navigate":
            print(unquote(urlsplit(asked["params"]["url"]).path), file=log, flush=True)
            if {stops}:
                raise SystemExit
            os.write(4, json.dumps({{"method": "Page.loadEventFired", "params": {{}}}}).encode() + b"\\0")
        os.write(4, json.dumps({{"id": asked["id"], "result": result}}).encode() + b"\\0")
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "browser.log"


def install(monkeypatch: pytest.MonkeyPatch, log: Path, *, stops: bool = False) -> None:
    """A browser that says what Chromium says, and writes down what it was asked to show."""
    program = log.parent / "bin" / "chromium"
    program.parent.mkdir()
    program.write_text(FAKE_BROWSER.format(python=sys.executable, log=str(log), stops=stops))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_one_browser_takes_all_pictures_and_opens_each_mail_once(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, log: Path
):
    install(monkeypatch, log)
    settings = Settings(var_dir=tmp_path, secret_key="a key for tests")
    made = list(previews(load_programmes(PROGRAMMES)["po-nieuw"], "Bos & Vaart", settings, now))
    out, told = tmp_path / "out", []
    assert write(out, made, pictures=True, taken=lambda *count: told.append(count)) is True
    pages = [str(out / each.language / f"{each.kind}.html") for each in made]
    assert log.read_text().splitlines() == ["start", *pages]
    shots = {str(file.relative_to(out)) for file in out.rglob("*.png") if file.read_bytes() == b"PNG"}
    assert len(shots) == len(made) * len(WIDTHS) * 2
    assert told == [(done, len(shots)) for done in range(1, len(shots) + 1)]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(f'<img src="{shot}"' in page for shot in shots)


def test_a_browser_that_stops_is_told_in_words(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: Path
):
    run = with_settings(monkeypatch, settings)
    assert run("init").code == 0
    install(monkeypatch, log, stops=True)
    done = run("templates", "preview", "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "de browser maakt geen schermafdrukken" in done.err
    assert "--no-pictures" in done.err


@pytest.mark.skipif(find_browser() is None, reason="no Chromium here")
def test_a_real_browser_shows_the_whole_page_at_its_width(tmp_path: Path, now: datetime):
    settings = Settings(var_dir=tmp_path, secret_key="a key for tests")
    made = list(previews(load_programmes(PROGRAMMES)["po-nieuw"], "Bos & Vaart", settings, now))[:1]
    assert write(tmp_path, made, pictures=True) is True
    sizes: dict[str, tuple[int, int]] = {}
    for file in (tmp_path / "nl").glob("*.png"):
        head = file.read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        sizes[file.stem.removeprefix(f"{made[0].kind}-")] = struct.unpack(">II", head[16:])
    assert {name: width for name, (width, _) in sizes.items()} == {
        "desktop-light": 900,
        "desktop-dark": 900,
        "phone-light": 360,
        "phone-dark": 360,
    }
    assert sizes["phone-dark"][1] > sizes["desktop-dark"][1] > 600
