from contextlib import nullcontext

import pytest
import torch

import gzslbench as gz
from gzslbench.computing.device import (
    autocast,
    check_precision,
    matmul_precision,
    plain_torch,
    resolve_device,
)
from gzslbench.errors import DeviceError

CPU = torch.device("cpu")


def test_auto_is_cuda_where_there_is_one():
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_where_there_is_none_says_what_to_do():
    with pytest.raises(DeviceError, match="--device cpu or auto"):
        resolve_device("cuda")


@pytest.mark.parametrize("name", ["tpu9", "meta", "mps", "cuda:x", "cuda:1" + "0" * 30, "cuda:१", ""])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(DeviceError, match=f"unknown device '{name}'"):
        resolve_device(name)


@pytest.mark.parametrize("precision", ["tf32", "fp8"])
def test_a_precision_the_device_lacks_is_refused(precision):
    with pytest.raises(DeviceError):
        check_precision(precision, CPU)


def test_numerics_hold_inside_and_are_undone_outside():
    before = torch.get_float32_matmul_precision()
    with matmul_precision("bf16", deterministic=True), autocast(CPU, "bf16"):
        assert torch.are_deterministic_algorithms_enabled()
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast(CPU, "fp32"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == before
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("state", ["autocast", "float64", "inference", "no gradients", "meta"])
def test_the_state_of_torch_outside_does_not_reach_inside(state):
    before = torch.get_default_dtype()
    contexts = {
        "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
        "inference": torch.inference_mode(),
        "no gradients": torch.no_grad(),
        "meta": torch.device("meta"),
    }
    try:
        if state == "float64":
            torch.set_default_dtype(torch.float64)
        with contexts.get(state, nullcontext()):
            with plain_torch():
                made = torch.ones(2, 2, requires_grad=True)
                product = made @ made
            after = torch.ones(1) @ torch.ones(1)
        assert (product.dtype, product.device.type, product.requires_grad) == (torch.float32, "cpu", True)
        assert state != "float64" or after.dtype == torch.float64
        assert state != "meta" or after.device.type == "meta"
    finally:
        torch.set_default_dtype(before)


def test_a_run_within_autocast_has_the_numbers_of_any_other(tmp_path):
    plain = gz.run("eszsl", "digits", results=tmp_path / "plain", quiet=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = gz.run("eszsl", "digits", results=tmp_path / "within", quiet=True)
    assert within.metrics == plain.metrics
