from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.data.catalogue import catalogue, compare
from gzslbench.data.dataset import Split
from gzslbench.data.formats.xlsa17 import read_splits, semantics_names
from gzslbench.data.load import load_dataset
from gzslbench.plugins.registry import plugins

SIX = ["APY", "AWA1", "AWA2", "CUB", "FLO", "SUN"]


@pytest.mark.parametrize("name", SIX)
def test_every_real_split_file_has_the_expected_sizes_and_fingerprint(real_data, name):
    expected = catalogue()[name].expected
    there = semantics_names(real_data / name)
    assert set(there) == set(expected.semantics)
    for semantics in there:
        found = read_splits(real_data / name, semantics)
        assert found.semantics.shape == (expected.seen + expected.unseen, expected.semantics[semantics])
        assert found.split.counts == expected.counts
        assert found.split.fingerprint in expected.fingerprints.values()


@pytest.mark.parametrize("name", ["AWA1", "AWA2", "SUN"])
def test_the_copies_of_ce_gzsl_have_the_same_split_and_other_validation_rows(real_data, name):
    folder = real_data / "ce-gzsl-copies" / name
    if not folder.is_dir():
        pytest.skip("GZSLBENCH_DATA holds no ce-gzsl-copies")
    copy, published = read_splits(folder, "att"), read_splits(real_data / name, "att")
    assert copy.split.fingerprint == published.split.fingerprint
    assert np.isin(copy.train_rows, copy.split.test_seen).any()
    assert published.train_rows is None or not np.isin(published.train_rows, copy.split.test_seen).any()


def test_expected_counts_of_each_dataset_add_up_to_its_images():
    assert sorted(catalogue()) == sorted([*SIX, "LAD"])
    for spec in (catalogue()[name] for name in SIX):
        assert sum(spec.expected.counts.values()) == spec.expected.rows
        assert {spec.features} <= set(spec.expected.features)
        assert {spec.semantics} <= set(spec.expected.semantics)
        assert all(len(fingerprint) == 64 for fingerprint in spec.expected.fingerprints.values())


def test_the_real_flowers_agree_with_the_catalogue_and_a_changed_split_does_not(real_data):
    dataset = load_dataset("FLO", "efficientnet_lite0", root=real_data)
    expected = catalogue()["FLO"].expected
    assert all(line.agrees for line in compare(dataset, expected))
    split = dataset.split
    moved = Split("ps", split.trainval[1:], np.append(split.test_seen, split.trainval[0]), split.test_unseen)
    differ = [line.what for line in compare(replace(dataset, split=moved), expected) if not line.agrees]
    assert differ == ["rows of trainval", "rows of test_seen", "split fingerprint"]


def test_the_built_in_specs_say_what_their_functions_return():
    specs = [spec for spec in plugins().datasets().values() if spec.load.startswith("gzslbench.")]
    assert {spec.name for spec in specs} == {"digits", "synthetic"}
    for spec in specs:
        dataset = load_dataset(spec.name)
        assert (dataset.name, dataset.features_name, dataset.semantics_name) == (
            spec.name,
            spec.features,
            spec.semantics,
        )


@pytest.mark.acceptance
def test_listing_datasets_imports_no_torch_and_nothing_that_reads_files():
    code = (
        "import sys; from gzslbench.plugins.registry import plugins; assert 'CUB' in plugins().datasets();"
        "print([name for name in ('torch', 'scipy', 'h5py', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
