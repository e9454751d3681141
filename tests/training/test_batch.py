import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.computing.seeds import generator
from gzslbench.data.region_rows import RegionRows
from gzslbench.errors import PluginError
from gzslbench.plugins import Episodes, HeldOut, TrainView
from gzslbench.training.batch import Sampler


def sampler(view, batch_size, sampling, seed=0):
    return Sampler(
        view, batch_size, sampling, generator("cpu", seed, "rows"), generator("cpu", seed, "noise")
    )


def rows_of(view, batch):
    return [int((view.features == row).all(1).nonzero()[0, 0]) for row in batch.features]


def test_a_drawn_batch_repeats_no_row_and_carries_the_rows_labels(view):
    batch = sampler(view, 4, "draw").batch()
    rows = rows_of(view, batch)
    assert len(set(rows)) == 4
    assert torch.equal(batch.labels, view.labels[rows])


def test_drawn_batches_are_independent_so_an_epoch_can_miss_rows(view):
    draws = sampler(view, 5, "draw")
    assert any(set(rows_of(view, draws.batch())) & set(rows_of(view, draws.batch())) for _ in range(5))


def test_a_pass_is_full_batches_along_one_permutation_after_another(view):
    walk = sampler(view, 4, "pass")
    batches = [rows_of(view, walk.batch()) for _ in range(5)]
    rows = [row for batch in batches for row in batch]
    assert [len(batch) for batch in batches] == [4] * 5
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert rows[:10] != rows[10:]


def test_a_batch_larger_than_the_data_is_all_of_it(view):
    draws = sampler(view, 100, "draw")
    assert sorted(rows_of(view, draws.batch())) == list(range(10))


def test_a_saved_sampler_continues_in_the_middle_of_a_pass(view):
    walk = sampler(view, 3, "pass")
    walk.batch()
    state = walk.state_dict()
    expected = [walk.batch() for _ in range(5)]
    resumed = sampler(view, 3, "pass", seed=9)
    resumed.load_state_dict(state)
    for batch in expected:
        again = resumed.batch()
        assert torch.equal(again.features, batch.features)
        assert torch.equal(again.normal(2), batch.normal(2))


def uneven_view(counts):
    """Classes with so many rows, in mixed order; each row's feature is its own number."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    return TrainView(torch.arange(len(labels))[:, None].float(), labels, torch.eye(len(counts)))


def test_a_balanced_batch_draws_every_class_equally_often():
    view = uneven_view([1, 30, 300])
    draws = sampler(view, 200, "balanced")
    labels = torch.cat([draws.batch().labels for _ in range(60)])
    shares = labels.bincount() / len(labels)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.02)
    rows = torch.cat([draws.batch().features for _ in range(60)]).flatten().long()
    assert rows.unique().numel() > 320  # every row can be drawn
    batch = draws.batch()
    assert torch.equal(batch.labels, view.labels[batch.features.flatten().long()])


@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any),
    classes=st.integers(1, 7),
    rows=st.integers(1, 8),
)
def test_an_episode_has_equally_many_rows_of_a_few_classes(counts, classes, rows):
    view = uneven_view(counts)
    batch = sampler(view, 1, Episodes(classes, rows)).batch()
    present = sum(count > 0 for count in counts)
    assert len(batch) == min(classes, present) * rows
    by_class = {}
    for number, label in zip(batch.features.flatten().long().tolist(), batch.labels.tolist(), strict=True):
        assert view.labels[number] == label
        by_class.setdefault(label, []).append(number)
    assert len(by_class) == min(classes, present)
    for label, numbers in by_class.items():
        assert len(numbers) == rows
        assert len(set(numbers)) == min(rows, counts[label])  # no row repeats before all have come


def test_episodes_choose_other_classes_and_rows_each_time():
    draws = sampler(uneven_view([9] * 8), 1, Episodes(3, 4))
    batches = [draws.batch() for _ in range(20)]
    assert len({frozenset(batch.labels.tolist()) for batch in batches}) > 10
    assert len({frozenset(batch.features.flatten().tolist()) for batch in batches}) == 20


@pytest.mark.parametrize("sampling", ["balanced", Episodes(2, 3)])
def test_a_batch_by_class_can_be_resumed(view, sampling):
    draws = sampler(view, 4, sampling)
    draws.batch()
    state = draws.state_dict()
    resumed = sampler(view, 4, sampling, seed=9)
    resumed.load_state_dict(state)
    assert torch.equal(resumed.batch().features, draws.batch().features)


@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any),
    classes=st.integers(1, 7),
    rows=st.integers(1, 30),
    size=st.integers(1, 30),
)
def test_held_out_classes_are_in_no_batch_of_the_others(counts, classes, rows, size):
    view = uneven_view(counts)
    present = sum(count > 0 for count in counts)
    draws = sampler(view, size, HeldOut(classes, rows))
    for epoch in range(3):
        draws.start_epoch(epoch)
        others, held_out = draws.batch(), draws.batch(held_out=True)
        assert len(others) == min(size, sum(counts)) and len(held_out) == min(rows, sum(counts))
        for batch in (others, held_out):
            assert torch.equal(view.labels[batch.features.flatten().long()], batch.labels)
        if present > 1:
            assert not set(others.labels.tolist()) & set(held_out.labels.tolist())
            assert len(set(held_out.labels.tolist())) <= min(classes, present - 1)


def test_each_epoch_holds_out_other_classes_and_an_epoch_keeps_them():
    draws = sampler(uneven_view([9] * 8), 7, HeldOut(3, 27))
    chosen = []
    for epoch in range(12):
        draws.start_epoch(epoch)
        first, second = (frozenset(draws.batch(held_out=True).labels.tolist()) for _ in range(2))
        assert first == second and len(first) == 3  # 27 rows are all rows of three classes
        chosen.append(first)
    assert len(set(chosen)) > 8


def test_a_draw_of_held_out_rows_repeats_rows_only_where_there_are_too_few():
    draws = sampler(uneven_view([4] * 5), 16, HeldOut(1, 10))
    draws.start_epoch(0)
    others, held_out = draws.batch().features.flatten(), draws.batch(held_out=True).features.flatten()
    assert len(others.unique()) == 16
    assert sorted(torch.unique(held_out, return_counts=True)[1].tolist()) == [2, 2, 3, 3]


def test_a_resumed_sampler_holds_out_the_same_classes():
    view = uneven_view([5] * 6)
    draws = sampler(view, 4, HeldOut(2, 3))
    draws.start_epoch(0)
    state = draws.state_dict()
    resumed = sampler(view, 4, HeldOut(2, 3), seed=9)
    resumed.load_state_dict(state)
    for held_out in (True, False, True):
        assert torch.equal(resumed.batch(held_out).features, draws.batch(held_out).features)


def test_held_out_classes_of_regions_in_a_file_are_refused(tmp_path):
    path = tmp_path / "regions"
    np.zeros((6, 2, 3), np.float32).tofile(path)
    with path.open("rb", buffering=0) as file:
        rows = RegionRows(file, 0, (2, 3), np.dtype(np.float32), torch.arange(6), torch.device("cpu"))
        with pytest.raises(PluginError, match="read ahead"):
            sampler(TrainView(rows, torch.arange(6) % 3, torch.eye(3)), 2, HeldOut(1, 2))
