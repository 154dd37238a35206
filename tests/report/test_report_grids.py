"""Grids hold every picture at its place, pixel by pixel; curves hold every figure at its height."""

import numpy as np
import pytest

from ganvas.report.curves import Line, _log_ticks, _ticks, charts, draw, short
from ganvas.report.grids import grid, scatter

rng = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_picture_is_found_again_at_its_place(channels):
    images = rng.integers(255, size=(7, channels, 5, 4), dtype=np.uint8)
    sheet = np.asarray(grid(images, columns=3, pad=1, scale=2)).reshape(32, 26, -1)
    for i, image in enumerate(images):
        y, x = i // 3 * 11, i % 3 * 9
        assert np.array_equal(sheet[y : y + 10 : 2, x : x + 8 : 2], image.transpose(1, 2, 0))
    assert (sheet[22:, 9:] == 255).all()


def test_small_pictures_are_enlarged_by_whole_factors():
    assert grid(np.zeros((4, 1, 28, 28), np.uint8), pad=0).size == (2 * 84, 2 * 84)
    assert grid(np.zeros((1, 3, 64, 64), np.uint8)).size == (64, 64)


def test_transparency_shows_a_board_and_opacity_hides_it():
    images = rng.integers(256, size=(2, 4, 64, 64), dtype=np.uint8)
    images[0, 3], images[1, 3] = 0, 255
    sheet = np.asarray(grid(images, pad=0))
    assert set(np.unique(sheet[:, :64])) == {225, 255}
    assert np.array_equal(sheet[:, 64:], images[1, :3].transpose(1, 2, 0))


def test_only_uint8_pictures_are_taken():
    with pytest.raises(ValueError, match="uint8 pictures"):
        grid(np.zeros((2, 3, 8, 8)))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_points_of_any_dimension_are_drawn(dimensions):
    drawn = scatter(rng.normal(size=(50, dimensions)), rng.normal(size=(60, dimensions)))
    assert drawn.size[1] == 640
    assert (
        len(set(drawn.get_flattened_data() if hasattr(drawn, "get_flattened_data") else drawn.getdata())) > 3
    )


def test_figures_that_belong_together_share_a_chart():
    log = [
        {
            "step": s,
            "time": s,
            "critic": 1.0,
            "generator": s,
            "critic/grad_norm": 2.0,
            "critic/real": float("nan"),
        }
        for s in range(5)
    ]
    losses, gradients = charts(log)
    assert [line.label for line in losses.lines] == ["critic", "generator"]
    assert [line.label for line in gradients.lines] == ["critic"]


def test_figures_that_are_no_numbers_are_counted_not_drawn():
    (chart,) = charts(
        [{"step": s, "critic": float("inf") if s == 2 else None if s == 3 else s} for s in range(6)]
    )
    assert chart.notes == ["2 values of critic were no finite numbers"]
    assert "nan" not in chart.svg
    assert "inf" not in chart.svg


def test_ticks_are_round_and_within():
    assert _ticks(0, 12000, 5) == [0, 5000, 10000]
    assert _ticks(-1.2, 1.1, 5) == [-1, -0.5, 0, 0.5, 1]
    assert _log_ticks(0.02, 300) == pytest.approx([0.1, 1, 10, 100])


@pytest.mark.parametrize(
    ("value", "said"), [(12000, "12k"), (0.0002, "2e-4"), (0, "0"), (1.5e6, "1.5M"), (-3.14159, "-3.14")]
)
def test_numbers_are_short(value, said):
    assert short(value) == said


def test_a_straight_line_is_drawn_straight():
    line = Line("x", np.arange(10.0), np.arange(10.0))
    path = draw([line], 0, 9, logarithmic=False).split('class="line c0" d="M')[1].split('"')[0]
    points = np.array([p.split(",") for p in path.split("L")], float)
    assert np.allclose(np.diff(points, 2, axis=0), 0, atol=0.3)
    assert points[0, 1] > points[-1, 1]  # up the page is down in SVG
