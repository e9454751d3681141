"""Regions in a file: rows are read when they are needed, and only those of the view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.computing.seeds import generator
from gzslbench.data.dataset import Dataset
from gzslbench.data.formats.hdf5 import open_hdf5
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.load import verify_dataset
from gzslbench.data.region_rows import RegionReader, RegionRows
from gzslbench.data.regions import fingerprint_regions, use_regions
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.variants import MADE_IN_MEMORY, check_in_memory
from gzslbench.data.views import make_views
from gzslbench.errors import DataError, ParamError
from gzslbench.plugins.method import Episodes
from gzslbench.testing.leak_detection import reachable_arrays
from gzslbench.training.batch import Sampler

SAMPLINGS = ["draw", "pass", "balanced", Episodes(3, 2)]


@pytest.fixture(scope="module", params=["float16", "float32"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The synthetic dataset, from a file, with its regions as features."""
    made = load_synthetic()
    assert made.regions is not None
    path = tmp_path_factory.mktemp("regions") / "regions.h5"
    write_hdf5(path, [replace(made, regions=made.regions.astype(request.param))], [])
    return use_regions(open_hdf5(path), "a test")


def in_memory(dataset: Dataset) -> Dataset:
    return replace(dataset, features=np.array(dataset.features))


def test_a_file_gives_the_regions_back_as_a_map(dataset: Dataset) -> None:
    made = load_synthetic()
    assert isinstance(dataset.features, np.memmap)
    np.testing.assert_array_equal(dataset.features, made.regions.astype(dataset.features.dtype))


def test_their_content_covers_the_regions(dataset: Dataset) -> None:
    other = np.array(dataset.features)
    other[0, 0, 0] += 1
    one = replace(load_synthetic(), regions=np.array(dataset.features))
    two = replace(load_synthetic(), regions=other)
    assert use_regions(one, "a test").content != use_regions(two, "a test").content
    assert use_regions(one, "a test").content == dataset.content != one.content
    assert fingerprint_regions(dataset.features) == dataset.regions_content


@pytest.mark.parametrize("preprocessing", ["none", "l2"])
def test_views_of_a_file_hold_what_views_in_memory_hold(dataset: Dataset, preprocessing: str) -> None:
    for mapped, held in zip(
        make_views(dataset, preprocessing, "cpu"),
        make_views(in_memory(dataset), preprocessing, "cpu"),
        strict=True,
    ):
        assert isinstance(mapped.features, RegionRows) and isinstance(held.features, torch.Tensor)
        assert mapped.features.shape == held.features.shape
        assert torch.equal(mapped.features[0 : len(held.labels)], held.features)
        assert torch.equal(mapped.labels, held.labels)


def test_unit_length_is_that_of_each_region(dataset: Dataset) -> None:
    train, _ = make_views(dataset, "l2", "cpu")
    lengths = train.features[5:9].norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones(4, 4))


@pytest.mark.parametrize("preprocessing", ["minmax", "standardize"])
def test_a_scaling_by_columns_is_refused(dataset: Dataset, preprocessing: str) -> None:
    with pytest.raises(ParamError, match=f"regions cannot be scaled by {preprocessing}"):
        make_views(dataset, preprocessing, "cpu")


@given(st.lists(st.integers(0, 1535), min_size=1, max_size=9), st.integers(0, 9), st.integers(0, 9))
def test_rows_chosen_by_number_can_be_sliced(numbers: list[int], start: int, stop: int) -> None:
    path = _file()
    source = np.memmap(path, np.float32, "r", shape=(1536, 2, 3))
    rows = RegionReader(source, "none", torch.device("cpu")).rows(np.arange(1536))
    chosen = rows[torch.tensor(numbers)]
    assert isinstance(chosen, RegionRows) and len(chosen) == len(numbers)
    np.testing.assert_array_equal(chosen[start:stop].numpy(), source[numbers][start:stop])


_FILES: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _numbered_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("numbers") / "numbers.f32"
    np.arange(1536 * 6, dtype=np.float32).tofile(path)
    _FILES.append(path)


def _file() -> Path:
    return _FILES[-1]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_batches_read_ahead_are_those_of_a_view_in_memory(dataset: Dataset, sampling: object) -> None:
    (mapped, _), (held, _) = (make_views(d, "l2", "cpu") for d in (dataset, in_memory(dataset)))
    one, two = (_sampler(view, sampling) for view in (mapped, held))
    for _ in range(300):  # a pass over 1536 rows begins anew several times
        first, second = one.batch(), two.batch()
        assert torch.equal(first.features, second.features) and torch.equal(first.labels, second.labels)


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_a_saved_sampler_that_reads_ahead_continues_with_the_next_batch(
    dataset: Dataset, sampling: object
) -> None:
    view, _ = make_views(dataset, "none", "cpu")
    straight = _sampler(view, sampling)
    for _ in range(99):
        straight.batch()
    state = straight.state_dict()
    resumed = _sampler(view, sampling)
    resumed.batch()  # what it has read ahead is dropped
    resumed.load_state_dict(state)
    for _ in range(30):
        first, second = straight.batch(), resumed.batch()
        assert torch.equal(first.features, second.features) and torch.equal(first.labels, second.labels)


def test_no_array_of_all_rows_is_within_reach_of_a_method(dataset: Dataset) -> None:
    train, held_out = make_views(dataset, "none", "cpu")
    assert isinstance(held_out.features, RegionRows)
    tested = {region.tobytes() for region in held_out.features[0:864].reshape(-1, 32).numpy()}
    for path, array in reachable_arrays(train):
        if array.shape[-1:] == (32,):
            rows = array.astype(np.float32).reshape(-1, 32)
            assert not {row.tobytes() for row in rows} & tested, path


def test_a_file_that_became_shorter_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.f32"
    np.zeros((4, 2, 3), np.float32).tofile(path)
    rows = RegionReader(np.memmap(path, np.float32, "r", shape=(4, 2, 3)), "none", torch.device("cpu"))
    view = rows.rows(np.arange(4))
    with path.open("r+b") as file:
        file.truncate(60)
    with pytest.raises(DataError, match="ends within the regions of row 3") as caught:
        view[0:4]
    assert str(path) in str(caught.value)


def test_features_without_regions_are_refused_with_the_command_that_makes_them() -> None:
    with pytest.raises(DataError, match="dazle works on region features") as caught:
        use_regions(replace(load_synthetic(), regions=None), "dazle")
    assert "gzslbench extract --regions" in str(caught.value)


def _sampler(view: object, sampling: object) -> Sampler:
    streams = (generator("cpu", 1, "rows"), generator("cpu", 1, "noise"))
    return Sampler(view, 6, sampling, *streams)  # type: ignore[arg-type]


def test_regions_that_a_program_changed_are_another_task(dataset: Dataset) -> None:
    loaded = replace(load_synthetic(), regions=np.array(dataset.features))
    loaded = replace(loaded, regions_content=fingerprint_regions(loaded.regions))
    assert check_in_memory(loaded) is loaded
    changed = check_in_memory(replace(loaded, regions=loaded.regions + 1))
    assert use_regions(changed, "a test").content != use_regions(loaded, "a test").content
    assert any(MADE_IN_MEMORY in note for note in changed.notes)


def test_verify_reads_the_regions_again(tmp_path: Path) -> None:
    path = tmp_path / "regions.h5"
    write_hdf5(path, [load_synthetic()], [])
    (found,) = [line for line in verify_dataset(path)[1] if line.what == "regions"]
    assert found.agrees
    offset = open_hdf5(path).regions.offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\x01\x02\x03\x04")
    (found,) = [line for line in verify_dataset(path)[1] if line.what == "regions"]
    assert not found.agrees
