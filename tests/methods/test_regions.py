"""What methods on regions share: the calibration loss, margins, balanced batches, scaling and grids."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.plugins import Episodes
from gzslbench_methods.regions import (
    arrange,
    calibration_loss,
    choose_sampling,
    episode_rows,
    margins_of,
    scale_semantics,
    shift_by_margin,
)

pytestmark = pytest.mark.usefixtures("float64")
SCORES = st.lists(st.lists(st.floats(-5, 5), min_size=5, max_size=5), min_size=1, max_size=4)


@given(rows=SCORES, margin=st.floats(0, 3))
def test_the_calibration_loss_is_that_of_the_mean_share_of_unseen_classes(rows, margin) -> None:
    shares = []
    for row in rows:
        powers = [math.exp(value - margin) for value in row[:3]] + [math.exp(v + margin) for v in row[3:]]
        shares.append(sum(powers[3:]) / sum(powers))
    expected = -math.log(sum(shares) / len(shares))
    assert calibration_loss(torch.tensor(rows).double(), 3, margin).item() == pytest.approx(
        expected, abs=1e-9
    )


def test_the_calibration_loss_is_finite_where_the_share_is_0_in_floating_point() -> None:
    scores = torch.tensor([[2000.0, 0.0]], requires_grad=True)
    loss = calibration_loss(scores, 1, 1.0)
    loss.backward()
    assert loss.item() == pytest.approx(1998) and scores.grad is not None
    assert scores.grad.tolist() == [pytest.approx([1.0, -1.0])]


def test_margins_follow_the_semantics_and_agree_with_those_of_the_loss() -> None:
    seen, unseen = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 1.0]])
    assert margins_of(torch.cat([unseen, seen]), seen, 0.7).tolist() == [0.7, -0.7, -0.7]
    scores = torch.rand(4, 3)
    found = scores + margins_of(torch.cat([seen, unseen]), seen, 0.7)
    torch.testing.assert_close(shift_by_margin(scores, 2, 0.7), found)


@given(classes=st.integers(1, 200), batch_size=st.integers(1, 300))
def test_a_balanced_batch_has_as_many_classes_as_fit_and_is_no_larger_than_asked(classes, batch_size) -> None:
    sampling = choose_sampling(classes, batch_size, balanced=True)
    assert isinstance(sampling, Episodes) and sampling.classes == min(classes, batch_size)
    rows = episode_rows(classes, batch_size, balanced=True)
    assert rows == sampling.classes * sampling.rows
    assert rows <= batch_size < rows + max(classes, 2)
    assert choose_sampling(classes, batch_size, balanced=False) == "draw"
    assert episode_rows(classes, batch_size, balanced=False) == batch_size


@given(regions=st.integers(1, 2000))
def test_a_grid_has_a_place_for_each_region_and_no_other_is_nearer_to_a_square(regions: int) -> None:
    rows, columns = arrange(regions)
    assert rows * columns == regions and rows <= columns
    assert not any(regions % more == 0 for more in range(rows + 1, math.isqrt(regions) + 1))


def test_scaled_semantics_have_length_1_and_negative_ones_may_count_as_0() -> None:
    semantics = torch.tensor([[3.0, -4.0, 4.0], [0.0, 2.0, 0.0]])
    assert scale_semantics(semantics, nonnegative=True).tolist() == [pytest.approx([0.6, 0, 0.8]), [0, 1, 0]]
    assert scale_semantics(semantics, nonnegative=False)[0, 1].item() == pytest.approx(-4 / math.sqrt(41))
