"""The doctor who treats: goes back, changes one thing, judges it; exact over kills, and never for ever."""

import json
import sys

import pytest
import torch
from kill import undisturbed

import ganvas
from ganvas import api
from ganvas.core import checkpoint
from ganvas.core.loop import Observer
from ganvas.core.run import Run
from ganvas.models.points import Settings
from ganvas.remedies import doctor, history
from ganvas.remedies import physician as physicians
from ganvas.remedies.advice import Change, Way, flat
from ganvas.remedies.doctor import DIARY, diagnose
from ganvas.remedies.evidence import Checkup, Finding
from ganvas.remedies.physician import Patient, Physician
from ganvas.remedies.rules import gradients
from ganvas.remedies.treatment import FILE, MOST, Course, Treatment, course_of, judged, together

TINY = {
    "training.batch": 32,
    "training.log_every": 2,
    "training.snapshots": 4,
    "generator.width": 4,
    "critic.width": 4,
}
SICK = {"generator.lr": 1.0, "critic.lr": 1.0}
OFTEN = {"training.checkpoint_every": 0}
HOPELESS = {"penalty.l2": 1e8}
"""The gradient is huge whatever is tried against it."""
QUIET = Observer(said=lambda sentence: None)


def hurry(patch):
    """Looked at often, and treated once only, against one trouble."""
    patch.setattr(doctor, "interval", lambda total, batch, probed: 4)
    patch.setattr(physicians, "MOST", 1)
    patch.setattr(history, "RULES", (gradients.exploding,))


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    hurry(monkeypatch)


def trained(folder, settings=(), steps=46, mode="treat", observer=QUIET, data="ring", recipe=None, **more):
    settings = TINY | dict(settings)
    return api.train(
        data, recipe, out=folder, steps=steps, doctor=mode, settings=settings, observer=observer, **more
    )


def resumed(folder, observer=QUIET):
    """As a person types it: no word of the doctor."""
    return api.train(out=folder, resume=True, observer=observer)


def tensors(run):
    step = run.progress()["step"]
    files = [*run.model.iterdir(), *run.checkpoints.glob(f"step-{step}/*.safetensors")]
    assert len(files) == 2 + 4
    return {str(f.relative_to(run.path)): f.read_bytes() for f in files}


def said(run):
    heads = ("found", "treated", "helped", "helped in part", "undone", "given up")
    return [(key, line[key]) for line in run.lines(DIARY) for key in heads if key in line]


@pytest.fixture(scope="module")
def treated(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        return trained(tmp_path_factory.mktemp("treated") / "run", SICK | OFTEN)


@pytest.mark.parametrize("recipe", ["dcgan", "vae"])
def test_a_healthy_run_has_the_same_bits_as_a_watched_one(tmp_path, pictures, recipe, monkeypatch):
    monkeypatch.setattr(doctor, "interval", lambda total, batch, probed: 8)
    widths = TINY if recipe == "dcgan" else {k: v for k, v in TINY.items() if "width" not in k} | {"width": 4}
    how = {"data": pictures, "recipe": recipe, "steps": 20, "settings": widths | {"training.batch": 8}}
    runs = [api.train(**how, out=tmp_path / mode, doctor=mode, observer=QUIET) for mode in ("treat", "watch")]
    assert tensors(runs[0]) == tensors(runs[1])
    assert not (runs[0].path / FILE).exists()
    assert {path.name for path in runs[0].healthy.iterdir()} == {"step-8", "step-16"}
    assert not runs[1].healthy.exists()


def test_a_sick_run_is_treated_and_told_so(treated):
    assert said(treated)[:3] == [
        ("found", "exploding gradients"),
        ("treated", "exploding gradients"),
        ("helped", "exploding gradients"),
    ]
    assert treated.progress()["finished"]
    (first, *_) = course_of(treated).treatments
    assert first.change == {"generator.lr": 0.001, "critic.lr": 0.001}
    assert flat(treated.record["settings"])["critic.lr"] == 1.0
    config = json.loads((treated.model / "config.json").read_text())
    assert flat(config["settings"])["critic.lr"] == 0.001
    helped = next(line for line in treated.lines(DIARY) if "helped" in line)
    assert helped["evidence"]["distance"]["with"] < helped["evidence"]["distance"]["without"]
    found = diagnose(treated)
    assert any("treated" in line for line in found["treatments"])
    assert found["changed"]["critic.lr"] == 0.001
    json.dumps(found, allow_nan=False)


def test_what_was_undone_is_kept_aside(treated):
    steps = [line["step"] for line in treated.lines()]
    assert steps == sorted(set(steps))
    aside = Run(treated.path / "undone" / "0")
    assert [line["step"] for line in aside.lines()] == sorted({line["step"] for line in aside.lines()})
    assert aside.lines()[-1]["time"] < treated.lines()[0]["time"]
    assert max(line["critic/grad_norm"] for line in aside.lines()) > 1e4


class Killed(Exception):
    pass


def killing(stretch, step):
    """An observer at whose word everything ends at once, after this step."""
    trainers = []

    def logged(moment):
        if (trainers[-1].run.stretch, moment.step) == (stretch, step):
            raise Killed

    return Observer(started=trainers.append, logged=logged, said=lambda sentence: None)


def test_killed_anywhere_it_ends_in_the_same_bits(tmp_path, treated):
    (first, *_) = course_of(treated).treatments
    moments = [(0, first.found - 2), (0, first.found), (1, 2), (1, first.until), (1, first.until + 2)]
    with pytest.raises(Killed):
        trained(tmp_path / "run", SICK | OFTEN, observer=killing(*moments[0]))
    for moment in moments[1:]:
        with pytest.raises(Killed):
            resumed(tmp_path / "run", killing(*moment))
    run = resumed(tmp_path / "run")
    assert tensors(run) == tensors(treated)
    assert run.lines(DIARY) == treated.lines(DIARY)


def test_killed_while_it_goes_back_it_ends_in_the_same_bits(tmp_path, treated, monkeypatch):
    def fail(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Run, "rewind", fail)
        with pytest.raises(Killed):
            trained(tmp_path / "run", SICK | OFTEN)
    assert course_of(Run(tmp_path / "run")).moving
    run = resumed(tmp_path / "run")
    assert tensors(run) == tensors(treated)
    assert run.lines(DIARY) == treated.lines(DIARY)
    assert Run(run.path / "undone/0").lines("checkups.jsonl")


def test_stopped_by_hand_it_ends_in_the_same_bits(tmp_path, treated):
    (first, *_) = course_of(treated).treatments
    trainers = []

    def logged(moment):
        trainers[-1].stopping |= moment.step == first.found

    stopped = Observer(started=trainers.append, logged=logged, said=lambda sentence: None)
    run = trained(tmp_path / "run", SICK | OFTEN, observer=stopped)
    assert not run.progress()["finished"]
    assert tensors(resumed(run.path)) == tensors(treated)


def test_what_does_not_help_is_undone_and_the_run_is_as_it_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(physicians, "MOST", MOST)
    run, watched = (trained(tmp_path / mode, HOPELESS, mode=mode) for mode in ("treat", "watch"))
    assert [t.outcome for t in course_of(run).treatments] == ["undone", "undone", "undone", "given up"]
    assert ("given up", "exploding gradients") in said(run)
    assert course_of(run).changes == {}
    assert tensors(run) == tensors(watched)
    assert not any("treated" in line for line in diagnose(run)["findings"])


def fake(found, *tries):
    """A rule that finds something in the first stretch only, from a step on."""

    def rule(seen):
        if not rule.treated and seen[-1].step >= found:
            return Finding("a trouble", "something is wrong", found, "", tries=tries)
        return None

    rule.treated = False
    return rule


def test_a_critic_of_another_shape_goes_on_from_the_last_healthy_step(tmp_path, pictures, monkeypatch):
    rule = fake(14, Change("packing", 2))
    monkeypatch.setattr(history, "RULES", (rule,))
    starts = []

    def started(trainer):
        rule.treated = trainer.run.stretch > 0
        starts.append((trainer.step, {k: v.clone() for k, v in trainer.objective.state_dict().items()}))

    observer = Observer(started=started, said=lambda sentence: None)
    run = trained(tmp_path / "run", {"training.batch": 8}, 20, data=pictures, observer=observer)
    (one,) = course_of(run).treatments
    assert (one.start, one.outcome, one.change) == (12, "on trial", {"packing": 2})
    assert said(run)[-1] == ("helped", "a trouble")
    kept = checkpoint.read(run.healthy / "step-12")[0]["objective"]
    step, state = starts[1]
    assert step == 12
    other = {name for name, value in state.items() if value.shape != kept[name].shape}
    assert other == {"critic.0.features.0.weight"}
    assert all(torch.equal(state[name], kept[name]) for name in state.keys() - other)
    assert ganvas.load(run.path).sample(2).shape == (2, 16, 16, 3)
    assert json.loads((run.model / "config.json").read_text())["settings"]["packing"] == 2


def test_a_budget_counts_what_was_undone(tmp_path):
    how = {"budget": "4s", "doctor": "treat", "settings": TINY | SICK, "observer": QUIET}
    run = api.train("ring", out=tmp_path / "run", **how)
    course = course_of(run)
    assert len(course.treatments) == 1
    assert run.progress()["finished"]
    assert 0 < course.elapsed < run.lines()[0]["time"]


@pytest.mark.long  # its processes take as long to start as all the other tests
def test_two_processes_take_the_same_decision(tmp_path):
    settings = TINY | SICK | {"training.batch": 256}
    options = [f"--{k.replace('_', '-')}={v}" for k, v in settings.items()]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    line = [sys.executable, *launch, "-m", "ganvas", "train", "points", "--data", "ring", *options]
    undisturbed([*line, "--steps", "100", "--doctor", "treat", "--out", str(tmp_path / "run")])
    run = Run(tmp_path / "run")
    assert course_of(run).treatments[0].change == {"generator.lr": 0.001, "critic.lr": 0.001}
    assert run.progress()["finished"]


# Decisions, on check-ups made up.

OWN = flat(Settings().model_dump(mode="json"))


def patient(*findings, step=400, healthy=(100, 200), **figures):
    figures = {f"probe/{k}": v for k, v in {"distance": 0.5, "missing": 0.5, "variety": 0.9}.items()} | {
        f"probe/{k}": v for k, v in figures.items()
    }
    seen = [Checkup(s, 2000, figures) for s in range(100, step + 1, 100)]
    return Patient(seen, findings, healthy, 100)


def trouble(name="collapse", *tries, since=250):
    tries = tries or (Change("packing", 2), Change("critic.lr", times=0.5))
    return Finding(name, "it is bad", since, "", tries=tries)


def physician(course=None):
    return Physician(course or Course(), Settings(), OWN, OWN)


def test_the_gravest_of_two_is_treated_first_and_then_the_other(monkeypatch):
    monkeypatch.setattr(physicians, "MOST", MOST)
    one, other = trouble("a"), trouble("b", Change("noise.std", 0.1))
    mind = physician()
    [*mind.look(patient(one, other))]
    assert mind.order
    assert (mind.order.finding, mind.order.start, mind.order.change) == ("a", 200, {"packing": 2})
    mind = physician(Course([mind.order]))
    entries = [*mind.look(patient(other, step=1000))]
    assert [next(iter(e.keys() & {"helped", "treated"})) for e in entries] == ["helped", "treated"]
    assert mind.order
    assert mind.order.finding == "b"
    assert Course([*mind.course.treatments, mind.order]).changes == {"packing": 2, "noise.std": 0.1}


def test_it_never_goes_on_for_ever(monkeypatch):
    monkeypatch.setattr(physicians, "MOST", MOST)
    course, stretches = Course(), 0
    names = ("packing", "critic.steps", "generator.steps", "noise.std", "penalty.every", "critic.lr")
    many = [*(Change(name, to=2) for name in names), Change("generator.lr", 0.5), Change("game", "hinge")]
    while True:
        mind = physician(course)
        [*mind.look(patient(trouble("a", *many), trouble("b", *many)))]
        if mind.order is None:
            break
        course.treatments.append(mind.order)
        stretches += 1
        assert stretches < 100
    assert course.given == MOST
    assert course.changes == {}
    assert course.treatments[-1].outcome == "given up"


def test_what_is_lost_by_going_back_is_bounded(monkeypatch):
    monkeypatch.setattr(physicians, "MOST", MOST)
    again = [Treatment("a", 2000, 0, 1000, 2000, (Way("packing", 1, 2),), outcome="helped")] * 2
    for before, ordered in ((again[:1], True), (again, False)):
        mind = physician(Course([*before]))
        [*mind.look(patient(trouble("b", Change("noise.std", 0.1))))]
        assert (mind.order is not None) is ordered


def test_networks_that_came_from_elsewhere_keep_their_size():
    wider = trouble("a", Change("generator.latent", times=4.0))
    for resizes in (True, False):
        mind = Physician(Course(), Settings(), OWN, OWN, resizes)
        [*mind.look(patient(wider))]
        assert (mind.order is not None) is resizes
        assert mind.order is None or mind.order.start == 0


@pytest.mark.parametrize(
    ("step", "back", "figures", "outcome"),
    [
        (800, False, {}, "on trial"),
        (1000, False, {}, "helped"),
        (1000, False, {"distance": 0.9}, "undone"),
        (1000, True, {"distance": 0.2}, "helped in part"),
        (1000, True, {"missing": 0.2}, "helped in part"),
        (300, True, {}, "undone"),
        (300, True, {"distance": 0.2}, "on trial"),
        (1000, False, {"variety": 0.2}, "undone"),
    ],
)
def test_the_verdict_follows_the_evidence(step, back, figures, outcome):
    before = tuple((s, {"distance": 0.5, "missing": 0.5, "variety": 0.9}) for s in range(300, 501, 100))
    trial = Treatment("a", 500, 200, 1000, 500, (Way("packing", 1, 2),), before=before)
    seen = patient(step=step, **figures).seen
    assert judged(trial, seen, ["a"] if back else []) == outcome


def test_one_thing_at_a_time_but_both_rates_when_both_are_wrong():
    odd = [Way("critic.lr", 0.1, 0.001, True), Way("generator.lr", 0.1, 0.001, True)]
    more = [Way("penalty.r1", 0.1, 0.5), Way("penalty.r2", 0.1, 0.5), Way("critic.lr", 0.001, 0.0005)]
    assert [len(step) for step in together([*odd, *more, Way("generator.lr", 1, 2)])] == [2, 2, 1, 1]
