"""Bad input, through the command line as a user types it: benchmarks/bad_input.py holds the list."""

import re

import bad_input
import pytest

LISTED = {
    "path missing": r"nothing at data/pest; did you mean data/pets\?",
    "empty folder": r"data/empty is an empty folder",
    "no picture in it": r"no picture in data/letters, only 1 file \(\.doc\); expected",
    "all broken": r"None of the 40 pictures .* can be read",
    "too few": r"few holds 4 pictures .* at least 10 are needed",
    "a decompression bomb among them": r"1 broken file is left out \(bomb.png: too large \(60000x60000\)\)",
    "mixed channels": r"10 grey pictures are converted to colour",
    "batch larger than the data": r"batch of 64 is more than the 36 items",
    "setting unknown": r"there is no setting 'xyzzy'; `ganvas train RECIPE --help` lists them all",
    "setting misspelt": r"no setting 'generator.widht'; did you mean 'generator.width'\?",
    "out of range": r"--generator.latent 0 will not do: it should be greater than or equal to 1",
    "run folder exists": r"runs/pets exists already and is never overwritten: go on with it by --resume, or",
    "start from what does not fit": r"cannot start from runs/pets: nothing of it fits, only the same recipe",
    "resume with other data": r"data/other is not the data that runs/pets was trained on",
    "resume with another setting": r"runs/pets was begun with --generator.width 64, not 8",
    "resume before the first checkpoint": r"stopped before its first checkpoint: it starts over",
    "newest checkpoint damaged": r"checkpoint step-4 is damaged .*; step-3, the one before it, is used",
    "all checkpoints damaged": r"no checkpoint in runs/pets/checkpoints is whole: .*; start a new run",
    "model damaged": r"the model in runs/pets/model cannot be read",
    "class misspelt": r"no class 'cat'; did you mean 'cats'\?",
    "output cannot be written": r"/proc/grid.png could not be written",
    "not enough memory for the batch": r"not enough memory for 4096 items at once: halved to 2048",
    "disk full": r"the disk is full: full/run/.* could not be written; what was there before is unharmed",
}
"""What the project promises an answer to, and what the answer must say."""
BRIEF = 30.0
"""Seconds, within which a refusal must come even on a machine that has other work to do."""


def check(case, answer):
    assert answer.code == case.code, answer.err
    assert "Traceback" not in answer.err, answer.err
    if case.code:
        *notes, sentence = answer.err.splitlines()
        assert sentence.startswith("ganvas: ")
        assert not any(note.startswith("ganvas: ") for note in notes)
        assert case.group in ("Runs", "The machine") or not notes
        assert answer.out == ""
        assert answer.unharmed
        assert answer.seconds < BRIEF


def runnable(case):
    return case.before is not bad_input.small_disk or bad_input.may_mount()


@pytest.fixture(scope="module")
def answers():
    cases = [case for case in bad_input.CASES if case.what in LISTED and runnable(case)]
    return {case.what: (case, found) for case, found in zip(cases, bad_input.answers(cases), strict=True)}


@pytest.mark.parametrize("what", LISTED)
def test_what_is_promised_is_answered(answers, what):
    if what not in answers:
        pytest.skip("this container may not mount a small disk")
    check(*answers[what])
    assert re.search(LISTED[what], answers[what][1].err)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_all_others_are_answered():
    cases = [case for case in bad_input.CASES if case.what not in LISTED]
    for case, found in zip(cases, bad_input.answers(cases), strict=True):
        check(case, found)
