import hashlib

import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.computing.seeds import generator, stream


@given(st.integers(0, 2**31), st.text(max_size=5), st.text(max_size=5))
def test_streams_of_other_names_differ(root, one, other):
    same = stream(root, one) == stream(root, other)
    assert same == (one == other)


def test_a_stream_is_stable_and_fits_63_bits():
    assert stream(7, "noise", "adversarial") == stream(7, "noise", "adversarial")
    assert all(0 <= stream(seed, "init") < 2**63 for seed in range(200))
    assert stream(0, "init") != stream(1, "init")


def test_a_known_stream_keeps_its_value_between_versions():
    digest = hashlib.sha256(b"0/init").digest()
    assert stream(0, "init") == int.from_bytes(digest[:8], "big") >> 1 == 1519069808562059438


def test_a_generator_repeats_its_numbers():
    first, second = (torch.rand(3, generator=generator("cpu", 1, "noise")) for _ in range(2))
    assert torch.equal(first, second)
