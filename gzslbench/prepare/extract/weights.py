"""Read, download and hash the weights of networks, and import the packages that networks need."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any
from urllib.error import URLError

import torch
from torch import nn

from gzslbench.errors import ExtractionError
from gzslbench.files import check_file, sha256_of
from gzslbench.plugins.extractor import Weights

MAX_LISTED = 3


def import_package(module: str, extra: str, fix: str = "") -> ModuleType:
    """Import ``module``, which the extra ``extra`` installs.

    Raises:
        ExtractionError: It is not installed, or fails on import; torchvision fails if it was built for
            another torch.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ExtractionError(
            f"{extra} needs a package that is not installed: {error.name}",
            fix=f"pip install 'gzslbench[{extra}]'",
        ) from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise ExtractionError(
            f"{module} is installed and cannot be imported: {str(error).partition(chr(10))[0]}",
            fix=fix or f"install a version of {module} that fits the other packages",
        ) from error


def download_weights(url: str, sha256: str) -> Path:
    """Download a file of weights into torch's cache, unless it is there already.

    Args:
        url: The address.
        sha256: The first digits of its sha256, which are checked.

    Raises:
        ExtractionError: The download fails, or the file is a different one.
    """
    from torch.hub import download_url_to_file, get_dir

    file = Path(get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(file), hash_prefix=sha256)
        except (URLError, OSError, RuntimeError) as error:
            raise ExtractionError(
                f"the weights cannot be downloaded: {error}",
                where=url,
                fix="try again, or download the file on another machine and name it with --weights",
            ) from error
    return file


def read_weights(
    network: nn.Module, file: Path, unused: Container[str] = (), rename: Callable[[str], str] = str
) -> Weights:
    """Load the weights in ``file`` into ``network``. Names and shapes must match; no code in it is run.

    Args:
        network: Receives the weights.
        file: A state_dict, saved by torch or safetensors.
        unused: Names that the file may have and the network does not.
        rename: Turns the file's name of a weight into the network's.

    Raises:
        ExtractionError: The file is missing, is not a file of weights, or belongs to another network.
    """
    check_file(file, ExtractionError)
    loaded = _load_state(file)
    state = OrderedDict((rename(name), value) for name, value in loaded.items() if name not in unused)
    state._metadata = getattr(loaded, "_metadata", None)  # type: ignore[attr-defined]  # module versions
    own = network.state_dict()
    different = [name for name in {**own, **state} if _shape(own.get(name)) != _shape(state.get(name))]
    if different:
        raise ExtractionError(
            f"the weights are of another network: {len(different)} of its {len(own)} do not fit,"
            f" for example {', '.join(sorted(different)[:MAX_LISTED])}",
            where=file,
            fix="name weights of this network with --weights",
        )
    network.load_state_dict(state)
    return Weights(file.name, sha256_of(file))


def hash_weights(network: nn.Module) -> str:
    """Return the sha256 over name, type, shape and values of all weights, sorted by name."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _load_state(file: Path) -> dict[str, Any]:
    safe = file.suffix == ".safetensors" and import_package("safetensors.torch", "hf")
    try:
        state = safe.load_file(file) if safe else torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle, zipfile, tarfile and safetensors each raise their own
        raise ExtractionError(
            f"the file of weights is damaged, or is not one: {_explain(error)}",
            where=file,
            fix="name a file with a state_dict; if it was downloaded, download it again",
        ) from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ExtractionError(
            "the file does not contain weights by name", where=file, fix="name a file of a state_dict"
        )
    return state


def _explain(error: Exception) -> str:
    if isinstance(error, UnpicklingError):  # torch's own message tells how to load it anyway: unsafe
        return "it contains more than tensors"
    return str(error).partition("\n")[0] or type(error).__name__


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None
