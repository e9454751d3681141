import pytest
import torch

from gzslbench.computing.device import autocast, check_precision, matmul_precision, resolve_device
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
