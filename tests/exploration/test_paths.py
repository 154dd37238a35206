"""Ways through z against closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import norm

from ganvas.exploration import paths

T = torch.linspace(0, 1, 9, dtype=torch.float64)


@pytest.fixture
def ends():
    a, b = torch.randn(2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return a, b


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_a_quarter_of_a_circle():
    walk = paths.spherical(torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 2.0]]).double(), T)
    close(walk[0], 2 * torch.stack([(T * math.pi / 2).cos(), (T * math.pi / 2).sin()], 1))


def test_on_a_sphere_every_step_has_the_same_length_and_turns_by_the_same_angle(ends):
    a, b = (3 * end / end.norm(dim=1, keepdim=True) for end in ends)
    walk = paths.spherical(a, b, T)
    close(walk.norm(dim=2), torch.full((5, 9), 3.0).double())
    turned = ((walk[:, 1:] * walk[:, :-1]).sum(2) / 9).acos()
    whole = ((a * b).sum(1) / 9).acos()
    close(turned, (whole / 8)[:, None].expand(-1, 8), 1e-9)  # acos loses half of the digits


@pytest.mark.parametrize("way", [paths.linear, paths.spherical])
def test_both_ways_begin_and_end_where_they_should(ends, way):
    walk = way(*ends, T)
    close(walk[:, 0], ends[0])
    close(walk[:, -1], ends[1])


def test_between_ends_of_different_length_it_changes_evenly(ends):
    a, b = ends
    close(paths.spherical(a, b, T).norm(dim=2), torch.lerp(a.norm(dim=1)[:, None], b.norm(dim=1)[:, None], T))


def test_where_ends_are_parallel_it_is_a_line(ends):
    a, _ = ends
    for b in (2 * a, -a):
        close(paths.spherical(a, b, T), paths.linear(a, b, T))


def test_a_loop_meets_each_stop_and_returns():
    stops = F.normalize(torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1)), dim=2)
    way = paths.loop(stops, 5)
    assert way.shape == (2, 20, 6)
    close(way[:, ::5], stops, 1e-5)
    onwards = (way.roll(-1, 1) - way).norm(dim=2).view(2, 4, 5)
    close(onwards[..., 0], onwards[..., -1], 1e-5)  # as slow away from a stop as towards the next


def test_the_plane_shares_the_normal_law_out_evenly_left_to_right_and_upwards():
    side = 4
    z = paths.plane(side).view(side, side, 2).double()
    across = torch.from_numpy(norm.ppf([1 / 8, 3 / 8, 5 / 8, 7 / 8]))
    close(z[..., 0], across.expand(side, side), 1e-6)
    close(z[..., 1], across.flip(0)[:, None].expand(side, side), 1e-6)
