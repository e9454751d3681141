import torch

from gzslbench.computing.seeds import generator
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
    assert walk.iterations == 3
    batches = [rows_of(view, walk.batch()) for _ in range(5)]
    rows = [row for batch in batches for row in batch]
    assert [len(batch) for batch in batches] == [4] * 5
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert rows[:10] != rows[10:]


def test_a_batch_larger_than_the_data_is_all_of_it(view):
    draws = sampler(view, 100, "draw")
    assert draws.iterations == 1
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
