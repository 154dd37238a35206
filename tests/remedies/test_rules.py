"""Each rule of the doctor on evidence made up: the sick is found, since the right step; the healthy not."""

import math

import pytest

from ganvas.models import textvae
from ganvas.remedies.advice import Change, advise
from ganvas.remedies.evidence import Checkup
from ganvas.remedies.history import OVER, RULES, History
from ganvas.remedies.rules import collapse, game, gradients, outputs, posterior, progress, unseen

HEALTHY = {
    "critic": 0.6,
    "generator": 0.9,
    "critic/accuracy": 0.8,
    "critic/grad_norm": 1.0,
    "generator/grad_norm": 2.0,
    "kl": 20.0,
    "rate": 1.0,
    "bits_per_byte/held_out": 3.0,
    "bits_per_byte/training": 2.5,
    "probe/finite": 1.0,
    "probe/variety": 0.9,
    "probe/missing": 0.05,
    "probe/distance": 0.01,
    "probe/copies": 0.0,
    "probe/sure": 0.7,
    "probe/knows": 0.5,
    "probe/active": 0.8,
    "probe/made/low": -1.0,
    "probe/made/high": 1.0,
    "probe/real/low": -1.0,
    "probe/real/high": 1.0,
    "probe/made/ends": 0.4,
    "probe/real/ends": 0.43,
    "probe/made/contrast": 0.5,
    "probe/real/contrast": 0.6,
}


def course(n=12, sick_from=4, marks=None, **sick):
    """Check-ups every 100 steps; from the `sick_from`-th on the figures are these, or functions of k."""
    seen = []
    for k in range(n):
        figures = {"probe/" + name if "probe/" + name in HEALTHY else name: v for name, v in sick.items()}
        now = {name: v(k) if callable(v) else v for name, v in figures.items()} if k >= sick_from else {}
        place = (marks or (lambda k: math.log1p(k)))(k)
        seen.append(Checkup(100 * (k + 1), 100 * n, HEALTHY | now, marks=(place,) * 32))
    return seen


def slashed(**figures):
    return {name.replace("__", "/"): value for name, value in figures.items()}


SICK = {
    "not a number": (gradients.not_a_number, {"critic": math.nan}, 1200),
    "exploding gradients": (
        gradients.exploding,
        slashed(critic__grad_norm=lambda k: 1.0 if k < 11 else 500.0),
        1200,
    ),
    "vanishing gradients": (gradients.vanishing, slashed(generator__grad_norm=1e-9), 500),
    "wrong data range": (outputs.wrong_range, slashed(real__low=-1.0, real__high=-0.99), 100),
    "blank samples": (outputs.dead, slashed(made__contrast=0.001), 500),
    "saturated samples": (outputs.saturated, slashed(made__ends=0.99), 500),
    "samples astray": (outputs.astray, {"variety": 3.0}, 500),
    "memorisation": (outputs.memorised, {"copies": 0.9}, 500),
    "mode collapse": (collapse.total, {"variety": 0.02}, 500),
    "partial mode collapse": (collapse.partial, {"missing": 0.4}, 500),
    "the critic wins": (game.critic_wins, slashed(critic__accuracy=1.0) | {"distance": 0.3}, 500),
    "the critic is of no use": (game.critic_useless, {"sure": 0.5, "distance": 0.3}, 500),
    "the critic overfits": (game.critic_overfits, {"knows": 0.8}, 500),
    "posterior collapse": (posterior.collapsed, {"active": 0.0, "kl": 0.001}, 500),
    "overfitting": (
        unseen.overfits,
        {
            "bits_per_byte/held_out": lambda k: 3 + 0.1 * (k - 5),
            "bits_per_byte/training": lambda k: 2.4 - 0.02 * k,
        },
        500,
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_the_sick_is_found_since_the_right_step_with_its_evidence(name):
    rule, figures, since = SICK[name]
    finding = rule(course(**figures))
    assert finding is not None
    assert (finding.name, finding.since) == (name, since)
    assert finding.evidence
    assert finding.advice


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_healthy_is_let_alone_by(rule):
    assert all(rule(course(n)) is None for n in range(1, 14))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_run_without_probes_is_no_trouble_for(rule):
    """As of a model that is too slow to sample, or a run that was trained without the doctor."""
    seen = [Checkup(100 * k, 1000, {"loss": 1.0, "network/grad_norm": 1.0}) for k in range(1, 11)]
    assert rule(seen) is None


def test_a_kl_that_free_bits_give_does_not_hide_that_z_is_not_used():
    def course_of(gap, sick_from=0):
        return course(12, sick_from, **{"kl": 7.9, "kl/held_out": 7.9, "shuffled_gap/held_out": gap})

    finding = posterior.collapsed(course_of(0.4))
    assert (finding.name, finding.since) == ("posterior collapse", 100)
    assert "costs a KL of 7.9 nats, and another item's z does as well but for 0.4" in finding.said
    assert finding.evidence == {"kl": 7.9}
    assert posterior.collapsed(course_of(0.4, 9)).since == 1000
    assert posterior.collapsed(course_of(2.0)) is None
    assert posterior.collapsed(course_of(lambda k: 0.4 if k < 11 else 2.0)) is None
    begun = course_of(-0.1)[:9]  # the KL's price has not risen to the full for long
    assert posterior.collapsed(begun) is None


def test_the_kl_of_text_is_charged_in_full_before_z_is_judged():
    own = textvae.Settings()
    assert own.pretraining + (1 - own.pretraining) * own.warmup <= posterior.BEGINNING


def test_what_turns_in_circles_oscillates_and_what_goes_on_or_settles_does_not():
    def turning(k):
        return math.cos(math.pi * k)

    def course_of(marks, distance=0.1, missing=0.05, n=12):
        return course(n, 0, marks, distance=distance, missing=missing)

    assert progress.oscillating(course_of(turning)).since == 500
    assert progress.oscillating(course_of(lambda k: 0.6 * k)) is None
    assert progress.oscillating(course_of(lambda k: math.cos(math.pi * k) * 0.7**k)) is None
    assert progress.oscillating(course_of(turning, distance=0.01)) is None  # it does no harm
    assert progress.oscillating(course_of(turning, distance=0.01, missing=0.3)) is not None
    assert progress.oscillating(course_of(turning, n=9)) is None  # at the start all moves


def test_samples_that_are_alike_and_come_nearer_have_not_collapsed_but_only_begun():
    def course_of(nearer):
        distance = lambda k: 0.5 - nearer * k  # noqa: E731
        return course(8, 0, variety=lambda k: 0.05 + 0.002 * k, distance=distance)

    assert collapse.total(course_of(0.01)) is None
    assert collapse.total(course_of(0.001)).since == 100


def test_a_gradient_that_grows_while_the_bound_rises_throws_nothing_away():
    def course_of(bound):
        growing = {"flow/grad_norm": lambda k: 1_500 if k < 5 else 20_000, "bound": lambda k: bound * k}
        return course(10, 0, **growing)

    assert gradients.exploding(course_of(100.0)) is None
    assert gradients.exploding(course_of(-100.0)).since == 1_000
    nats = {"log_prob": lambda k: -2_000.0 - k, "network/grad_norm": 11_000}
    assert gradients.exploding(course(10, 0, **nats)) is None  # five a nat
    assert gradients.exploding(course(10, 0, **nats | {"network/grad_norm": 1e8})).since == 1_000


def test_of_few_held_out_items_more_is_asked_before_a_critic_is_said_to_overfit():
    def course_of(knows):
        return course(**{"knows": knows, "probe/knows/error": 0.09})

    assert game.critic_overfits(course_of(0.8)) is None
    assert game.critic_overfits(course_of(0.9)).since == 500


def test_what_does_not_move_has_stalled_unless_its_rates_have_come_down():
    assert progress.stalled(course(marks=lambda k: 1.0)).since == 900
    assert progress.stalled(course(marks=lambda k: 1.0, rate=0.01)) is None


def test_held_out_text_that_rises_a_little_or_with_the_training_text_is_no_overfitting():
    def course_of(rise, fall):
        held_out, training = (lambda k: 3 + rise * k), (lambda k: 2.4 - fall * k)
        return course(**{"bits_per_byte/held_out": held_out, "bits_per_byte/training": training})

    assert unseen.overfits(course_of(0.1, 0.02)) is not None
    rising, falling = (lambda k: 6 + 0.2 * max(0, k - 5)), (lambda k: 5 - 0.1 * k)
    spoken = unseen.overfits(course(**{"reading/held_out": rising, "reading/training": falling}))
    assert spoken is not None
    assert "nats a frame" in spoken.said
    assert unseen.overfits(course_of(0.007, 0.02)) is None
    assert unseen.overfits(course_of(0.1, -0.02)) is None


def test_what_is_lost_while_the_rates_fall_is_found_sooner():
    assert collapse.partial(course(12, 8, missing=0.5, rate=0.5)).since == 900
    assert collapse.partial(course(12, 8, missing=0.5)) is None


def test_a_share_that_mends_is_no_collapse():
    assert collapse.partial(course(missing=lambda k: 0.9**k)) is None


def test_black_and_white_data_may_be_at_the_ends():
    assert outputs.saturated(course(sick_from=0, **slashed(made__ends=0.99, real__ends=1.0))) is None


def test_a_sure_critic_is_no_harm_while_samples_come_nearer():
    figures = slashed(critic__accuracy=1.0) | {"distance": lambda k: 0.8**k}
    assert game.critic_wins(course(sick_from=0, **figures)) is None


def test_a_finding_is_written_once_and_once_more_when_it_is_over():
    history = History()
    entries = []
    for checkup in [*course(6, 1, variety=0.01), *course(12)[6:]]:
        entries += [(e["step"], e.get("found"), e.get("over")) for e in history.add(checkup)]
    assert entries == [(400, "mode collapse", None), (600 + 100 * OVER, None, "mode collapse")]


def test_advice_is_what_this_run_can_type_and_begins_with_what_was_set_oddly():
    usual = {"critic.lr": 1e-3, "generator.lr": 1e-3, "penalty.r1": 0.2, "game": "relativistic", "packing": 1}
    own = usual | {"critic.lr": 0.02, "packing": 2, "penalty.r1": 0.0}
    tries = [
        Change("packing", 2),
        Change("game", "relativistic"),
        Change("free_bits", 0.1),
        Change("generator.lr", times=0.5),
    ]
    assert advise(tries, own, usual) == (
        "Try, one at a time: --critic.lr 0.001, the recipe's own (now 0.02); "
        "--penalty.r1 0.2, the recipe's own (now 0); --generator.lr 0.0005 (now 0.001)"
    )
    assert advise([Change("penalty.r1", times=5, least=0.02)], own, own).endswith("--penalty.r1 0.1 (now 0)")
    assert advise([Change("packing", 2)], own, own) == ""
