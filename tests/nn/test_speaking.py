"""The law of a voice's latents given its text."""

import torch

from ganvas.nn.speaking import Flow, Prior, scores


def rough(module: torch.nn.Module) -> torch.nn.Module:
    """Weights that are far from the identity."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return module


def test_the_flow_is_undone_and_keeps_volume():
    torch.manual_seed(0)
    flow = rough(Flow(6, 16, 2, 3)).double()
    z, shown = torch.randn(2, 9, 6).double(), torch.ones(2, 9, dtype=torch.bool)
    assert (flow.inverse(flow(z, shown), shown) - z).abs().max() < 1e-9
    one = torch.randn(1, 3, 6).double()
    jacobian = torch.autograd.functional.jacobian(
        lambda v: flow(v.view(1, 3, 6), shown[:1, :3]).flatten(), one.flatten()
    )
    assert abs(torch.linalg.slogdet(jacobian).logabsdet) < 1e-9


def test_scores_are_log_densities():
    torch.manual_seed(1)
    u, mean, log_dev = torch.randn(2, 5, 4), torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    law = torch.distributions.Normal(mean[:, :, None], log_dev.exp()[:, :, None])
    expected = law.log_prob(u[:, None]).sum(3)
    assert torch.allclose(scores(u, mean, log_dev), expected, atol=1e-4)


def test_a_text_is_read_alike_beside_longer_ones():
    torch.manual_seed(2)
    prior = rough(Prior(7, 4, 16, 2, 2, 16, 2, 0, 0.0)).eval()
    text = torch.randint(1, 7, (1, 6))
    longer = torch.cat([text, torch.zeros(1, 5, dtype=torch.long)], 1)
    alone = prior.read(text, torch.ones(1, 6, dtype=torch.bool))
    beside = prior.read(longer, (torch.arange(11) < 6)[None])
    for a, b in zip(alone, beside, strict=True):
        assert torch.allclose(a, b[:, :6], atol=1e-5)


def test_speakers_are_read_differently():
    torch.manual_seed(3)
    prior = rough(Prior(7, 4, 16, 2, 2, 16, 2, 3, 0.0)).eval()
    text, shown = (
        torch.randint(1, 7, (2, 6)).expand(2, 6)[:1].repeat(2, 1),
        torch.ones(2, 6, dtype=torch.bool),
    )
    beside, tone = prior.voices(torch.tensor([0, 2]))
    mean = prior.read(text, shown, beside)[0]
    assert (mean[0] - mean[1]).abs().max() > 1e-3
    u = prior.flow(torch.randn(1, 6, 4).repeat(2, 1, 1), shown, tone)
    assert (u[0] - u[1]).abs().max() > 1e-3
