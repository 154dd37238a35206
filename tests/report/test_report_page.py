"""The report of a made-up run: whole, self-contained, harmless, and content with whatever is missing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from ganvas.core.errors import UserError
from ganvas.report import page

VOID = {"meta", "img", "br", "link", "input"}


class Nesting(HTMLParser):
    """Every tag that opens is closed in order; gathers the text and what would be fetched."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.text, self.fetched, self.tags = "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [
            v for k, v in attrs if k in ("src", "href") and not v.startswith("data:image/png;base64,")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def read(run: Path) -> Nesting:
    path = page.write(run)
    assert path == run / "report.html"
    return Nesting(path.read_text(encoding="utf-8"))


def test_a_finished_run(make_run, tmp_path):
    html = read(make_run(tmp_path / "garments"))
    assert html.open == []
    assert html.fetched == []
    assert "script" not in html.tags
    for heading in ("What it makes", "How it learnt", "From one to another", "Curves", "Diary", "Settings"):
        assert heading in html.text
    assert "12,000 steps over 60,000 pictures, 10 min" in html.text
    assert "critic.augment" not in html.text  # the group's name heads its table
    assert "augment.flip" in html.text
    assert html.tags.count("img") == 2 + page.STAGES + 1
    assert html.tags.count("svg") == 7
    assert f"ganvas sample {tmp_path}/garments -n 64" in html.text


def test_what_the_user_named_is_shown_and_never_run(make_run, tmp_path):
    """Names with HTML in them come out as they are: the parser gives back the text, and no such tag."""
    html = read(make_run(tmp_path / "<script>alert(1)"))
    assert "<script>alert(1)" in html.text
    assert "b>garments" not in " ".join(html.tags)
    assert "/home/me/<b>garments</b>.zip" in html.text
    assert "<i>rain" in html.text
    assert "script" not in html.tags


@pytest.mark.parametrize("missing", ["log.jsonl", "evaluation.json", "diary.jsonl", "samples"])
def test_what_is_missing_is_left_out(make_run, tmp_path, missing):
    run = make_run(tmp_path / "run")
    (run / missing).rename(tmp_path / "elsewhere")
    assert read(run).open == []


def test_a_run_that_has_just_begun(tmp_path):
    (tmp_path / "recipe.json").write_text("{}")
    html = read(tmp_path)
    assert "nothing has been logged yet" in html.text
    assert "Curves" not in html.text


def test_a_picture_cut_short_is_left_out(make_run, tmp_path):
    run = make_run(tmp_path / "run")
    whole = (run / "samples" / "real.png").read_bytes()
    (run / "samples" / "real.png").write_bytes(whole[: len(whole) // 2])
    assert "from the training data" not in read(run).text


def test_no_run_is_a_plain_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no run at"):
        page.write(tmp_path / "nowhere")


def test_the_time_line_has_the_first_and_the_last_picture(tmp_path):
    paths = [Path(f"step-{k:07d}.png") for k in range(1, 41)]
    chosen = page.spread(paths)
    assert (chosen[0], chosen[-1], len(chosen)) == (paths[0], paths[-1], page.STAGES)
    assert page.spread(paths[:3]) == paths[:3]
    assert page.step_of(paths[9]) == "step 10"


@pytest.mark.parametrize(
    ("seconds", "said"), [(9.6, "10 s"), (60, "1 min"), (570, "9 min 30 s"), (7500, "2 h 5 min")]
)
def test_durations_as_people_say_them(seconds, said):
    assert page.duration(seconds) == said


def test_large_pictures_of_the_time_line_are_made_smaller(tmp_path):
    Image.effect_noise((1400, 700), 50).save(tmp_path / "step-0000001.png")
    small = page.picture(tmp_path / "step-0000001.png", page.THUMBNAIL)
    assert small
    assert (small.width, small.height) == (page.THUMBNAIL, page.THUMBNAIL // 2)
    assert re.match(r"data:image/png;base64,[\w+/]+=*$", small.uri)


def test_zero_and_one_are_not_no_and_yes():
    assert [page.shown(v) for v in (0, 1, False, True, None, [1, 32])] == [
        "0",
        "1",
        "no",
        "yes",
        "–",
        "1, 32",
    ]
