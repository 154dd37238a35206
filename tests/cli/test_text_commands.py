"""Text from the command line, from a file to samples, figures and a report."""

import json
import sys

import pytest

from ganvas import cli

WORDS = ("king", "crown", "night", "sea", "bird")
TINY = [
    *("--model.width", "16", "--model.depth", "1", "--model.heads", "2", "--text.context", "16"),
    *("--training.snapshots", "2", "--training.batch", "4", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs on a list of lines, and on a running text."""
    folder = tmp_path_factory.mktemp("runs")
    lines = [f"the {WORDS[k % 5]} and the {WORDS[k * k % 3]}, {k}" for k in range(400)]
    (folder / "lines.txt").write_text("\n".join(lines))
    (folder / "running.txt").write_text("\n\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("lines", "running"):
            argv = ["ganvas", "train", "--data", str(folder / f"{name}.txt"), "--steps", "8", *TINY, "--json"]
            patch.setattr(sys, "argv", argv)
            cli.main()
    return folder / "runs"


@pytest.mark.parametrize("name", ["lines", "running"])
def test_a_run_is_sampled_judged_and_reported(typed, trained, name):
    run = trained / name
    assert len([*run.glob("samples/step-*.txt")]) >= 2
    held_out = [json.loads(line) for line in (run / "held_out.jsonl").read_text().splitlines()]
    assert held_out[-1]["step"] == 8
    code, out, err = typed("evaluate", run, "--samples", 12, "--json", "--device", "cpu")
    assert code == 0, err
    found = json.loads(out)
    low, high = found["bits_per_byte"]["interval"]
    assert low < found["bits_per_byte"]["value"] < high < 8.5
    assert found["baselines"]["uniform"]["bits_per_byte"]["value"] == 8
    assert found["baselines"]["xz"]["bits_per_byte"]["value"] < 4
    assert found["floor"]["copied"]["value"] > 4
    assert found["copying"]["verdict"].startswith("No copying was found.")
    page = (run / "report.html").read_text()
    for words in ("What it writes", "The longest copied passages", "Bits per byte", "ganvas write"):
        assert words in page


def test_samples_become_lines_rows_or_files(typed, trained, tmp_path):
    for out in ("a.txt", "a.jsonl", "made/"):
        code, _, err = typed("sample", trained / "lines", "-n", 3, "-o", out, "--seed", 5)
        assert (code, err) == (0, f"3 samples in {out}\n")
    rows = [json.loads(line)["text"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [path.read_text() for path in sorted((tmp_path / "made").iterdir())] == rows
    assert all(row in (tmp_path / "a.txt").read_text() for row in rows)
    code, _, err = typed("sample", trained / "lines", "-n", 10**8, "-o", "a.png")  # before any is made
    assert (code, err) == (2, "ganvas: text cannot be written as .png; try .txt or .jsonl\n")


def test_writing_goes_on_from_any_prompt(typed, trained):
    run = trained / "running"
    code, out, err = typed("write", run, "--prompt", "山 the " * 9, "--length", 20, "--seed", 2)
    assert code == 0
    assert out.startswith("山 the " * 9)
    assert err == "The prompt has 72 tokens, and the model looks back 16: it reads their end.\n"
    _, again, _ = typed("write", run, "--prompt", "山 the " * 9, "--length", 20, "--seed", 2, "--json")
    assert out == "山 the " * 9 + json.loads(again)["text"] + "\n"


def test_bad_wishes_are_refused_in_a_sentence(typed, trained, pictures):
    for args, sentence in {
        ("write", str(trained / "lines"), "--temperature", "-1"): "--temperature -1.0 will not do",
        ("write", str(trained / "none")): "there is no run at",
        ("evaluate", str(trained / "lines"), "--features", "pixels"): "there are words, minilm",
        ("explore", str(trained / "lines")): "this model makes text",
        ("train", "dcgan", "--data", str(trained.parent / "lines.txt")): "holds text, but the recipe",
        ("train", "lm", "--data", str(pictures)): "holds pictures, but the recipe learns text",
    }.items():  # fmt: skip
        code, out, err = typed(*args)
        assert (code, out) == (2, "")
        assert sentence in err.splitlines()[-1]


def test_the_card_is_drawn_and_told(typed, trained):
    run = trained / "lines"
    code, out, err = typed("evaluate", run, "--samples", 12, "--card", "--json", "--device", "cpu")
    assert code == 0, err
    found = json.loads(out)["card"]
    assert [len(rows) for rows in found["curves"].values()] == [9, 9]
    assert all("bits_per_byte" in row for rows in found["curves"].values() for row in rows)
    assert "n-gram" in found["verdict"][0]
    assert "real text" in found["verdict"][1]
    assert {path.name for path in (run / "evaluation").iterdir()} == {"card.png", "card.svg"}
    page = (run / "report.html").read_text()
    assert "The honesty card" in page
    assert found["verdict"][0] in page


def test_baselines_of_pictures_have_forms_for_text(typed, trained, tmp_path):
    lines = trained.parent / "lines.txt"
    for name, recipe in (("random", "unigram"), ("template", "ngram")):
        code, _, err = typed("train", name, "--data", lines, "--out", name, "--device", "cpu")
        assert code == 0, err
        assert json.loads((tmp_path / name / "recipe.json").read_text())["recipe"] == recipe
        code, out, _ = typed("write", name, "--prompt", "the ki", "--length", 30)
        assert code == 0
        assert out.startswith("the ki")
        assert typed("sample", name, "-n", 3, "-o", f"{name}.txt")[0] == 0
        code, out, err = typed("evaluate", name, "--samples", 12, "--json", "--device", "cpu")
        assert code == 0, err
    assert json.loads(out)["bits_per_byte"]["value"] < 2
    code, _, err = typed("train", "random", "--data", lines, "--out", "random", "--resume", "--device", "cpu")
    assert code == 0, err


def test_baselines_stand_beside_a_model(typed, trained):
    code, out, err = typed("evaluate", trained / "running", "--samples", 12, "--baselines", "--json")
    assert code == 0, err
    found = json.loads(out)
    rows = found["baselines"]
    assert rows["template"]["distinct_2"]["protocol"] == found["distinct_2"]["protocol"]
    assert rows["template"]["bits_per_byte"]["value"] < rows["random"]["bits_per_byte"]["value"] < 8
    assert (
        rows["template"]["bleu_2"]["protocol"]
        == found["bleu_2"]["protocol"]
        == found["floor"]["bleu_2"]["protocol"]
    )
