"""The log-linear model of text: its features by hand, its gradient, and where that vanishes."""

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models import maxent
from ganvas.models.writing import Choice

END = 4
WORDS = Vocabulary(numbers=4, ends=True)


def built(order=3, words=WORDS, context=8):
    settings = maxent.Settings(model=maxent.NetworkSettings(order=order))
    found = maxent.build(settings, Spec(kind="text", shape=(context,), vocabulary=words, longest=6))
    torch.manual_seed(0)
    torch.nn.init.normal_(found.model.weight)
    torch.nn.init.normal_(found.model.bias)
    return found.eval()


def by_hand(net, row, place):
    """Logits of what follows this place: the bias, and a row of weights for each token in sight."""
    logits = net.bias.clone()
    for j in range(net.order):
        if place - j < 0:
            break
        logits += net.weight[j * net.tokens + row[place - j]]
        if row[place - j] == END:
            break
    return logits


def test_features_are_those_of_the_item_in_sight():
    net = built().model
    rows = torch.tensor([[END, 0, 1, 2, END, 3, 0], [END, 1, END, 0, 0, 2, 1]])
    found = net(rows)
    expected = torch.stack([torch.stack([by_hand(net, row, k) for k in range(7)]) for row in rows.tolist()])
    torch.testing.assert_close(found, expected)
    cache = net.cache(2)
    parts = torch.cat([net(rows[:, :3], cache), net(rows[:, 3:4], cache), net(rows[:, 4:], cache)], 1)
    torch.testing.assert_close(parts, expected)


def test_the_gradient_is_expected_less_observed_features():
    model = built(order=2)
    row = torch.tensor([[END, 0, 1, 1, END]])
    turn = next(model.train().turns({"text": row}, 0))
    turn.losses["model"].backward()
    net, p = model.model, model.model(row[:, :-1]).softmax(2)[0].detach()
    expected = torch.zeros_like(net.weight)
    for place, token in enumerate(row[0, 1:].tolist()):
        for j in range(min(2, place + 1)):
            feature = j * net.tokens + int(row[0, place - j])
            expected[feature] += p[place] / 4
            expected[feature, token] -= 1 / 4
    torch.testing.assert_close(net.weight.grad, expected)


def test_of_one_token_back_the_best_law_is_the_frequencies_of_pairs():
    rng = np.random.default_rng(0)
    chain = rng.dirichlet(np.ones(3), 3)
    text = [0]
    for _ in range(300):
        text.append(int(rng.choice(3, p=chain[text[-1]])))
    model = built(order=1, words=Vocabulary(numbers=3), context=300)
    rows, net = torch.tensor([text]), model.model
    optimiser = torch.optim.LBFGS(net.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = next(model.turns({"text": rows}, 0)).losses["model"]
        loss.backward()
        return loss

    optimiser.step(closure)
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (text[:-1], text[1:]), 1)
    found = net(torch.tensor([[0], [1], [2]]))[:, 0].softmax(1).detach().numpy()
    assert found == pytest.approx(pairs / pairs.sum(1, keepdims=True), abs=2e-3)


def test_samples_are_as_frequent_as_probable():
    model = built(order=2)
    made = model.sample(
        4000, generator=torch.Generator().manual_seed(0), choice=Choice(temperature=1.5)
    ).tolist()
    for text in ([], [0], [1, 2]):
        p = model.log_prob([torch.tensor(text).long()], temperature=1.5)[0].sum().exp().item()
        seen = sum(row[: len(text) + 1] == [*text, END] for row in made) / len(made)
        assert seen == pytest.approx(p, abs=4 * (p * (1 - p) / len(made)) ** 0.5 + 1e-9)


def test_too_many_tokens_are_refused_with_a_way_out():
    with pytest.raises(UserError, match=r"take --text.vocabulary 1024"):
        built(words=Vocabulary(numbers=9000, ends=True))
