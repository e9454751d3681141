"""What the loaders of networks share: import packages, read and hash weights, pool activations."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from urllib.error import URLError

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError, GzslBenchError
from gzslbench.files import check_file, sha256_of
from gzslbench.plugins.extractor import Weights

MAX_LISTED = 3
MAX_SHOWN = 200
"""Characters of torch's report on weights that do not fit."""
POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda activations: activations.mean(dim=(2, 3)),
    "max": lambda activations: activations.amax(dim=(2, 3)),
}


def import_package(
    module: str, extra: str, fix: str = "", failure: type[GzslBenchError] = ExtractionError
) -> ModuleType:
    """Import ``module``, which the extra ``extra`` installs. ``fix`` is the advice if the import fails."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        what = f"{extra} needs a package that is not installed: {error.name}"
        raise failure(what, fix=f"pip install 'gzslbench[{extra}]'") from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        what = f"{module} is installed and cannot be imported: {first_line(error)}"
        fix = fix or f"install a version of {module} that fits the other packages"
        raise failure(what, fix=fix) from error


def download_weights(url: str, sha256: str) -> Path:
    """Download a file of weights into torch's cache, unless it is there; check its first sha256 digits."""
    from torch.hub import download_url_to_file, get_dir

    file = Path(get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(file), hash_prefix=sha256)
        except (URLError, OSError, RuntimeError) as error:
            fix = "try again, or download the file elsewhere and name it with --weights"
            raise ExtractionError(f"the weights cannot be downloaded: {error}", where=url, fix=fix) from error
    return file


def read_weights(
    network: nn.Module, file: Path, unused: Container[str] = (), rename: Callable[[str], str] = str
) -> Weights:
    """Load a state_dict, saved by torch or safetensors, into ``network``; no code in the file is run.

    Names and shapes must match, but for the names ``unused``, which the file may have. ``rename`` turns the
    file's name of a weight into the network's.
    """
    check_file(file, ExtractionError)
    safe = file.suffix == ".safetensors" and import_package("safetensors.torch", "hf")
    try:
        loaded = safe.load_file(file) if safe else torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle, zipfile, tarfile and safetensors each raise their own
        # torch's own message about code in a file explains how to run that code: unsafe
        code = isinstance(error, UnpicklingError)
        why = "it contains more than tensors" if code else first_line(error)
        what = f"the file of weights is damaged, or is not one: {why}"
        fix = "name a file with a state_dict; if it was downloaded, download it again"
        raise ExtractionError(what, where=file, fix=fix) from error
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        what = "the file does not contain weights by name"
        raise ExtractionError(what, where=file, fix="name a file of a state_dict")
    state = OrderedDict((rename(name), value) for name, value in loaded.items() if name not in unused)
    state._metadata = getattr(loaded, "_metadata", None)  # type: ignore[attr-defined]  # module versions
    try:
        network.load_state_dict(state)
    except Exception as error:  # odd versions of modules, for example, each raise their own
        _, *problems = str(error).splitlines() or [""]
        why = " ".join(problems).strip()[:MAX_SHOWN] or first_line(error)
        what = f"the weights are of another network: {why}"
        raise ExtractionError(what, where=file, fix="name weights of this network with --weights") from error
    return Weights(file.name, sha256_of(file))


def hash_weights(network: nn.Module) -> str:
    """Return the sha256 over name, type, shape and values of all weights, sorted by name."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_features(network: nn.Module, image: Tensor, where: str, fix: str) -> None:
    """Check that the network maps a ``(1, 3, h, w)`` image to the same row of features every time."""
    with explain_failure(where, fix), torch.inference_mode():
        first, second = network(image), network(image)
        if first.ndim != 2:
            raise ValueError(f"it gives {tuple(first.shape)} for one image")
        if not torch.equal(first, second):
            raise ValueError("it gives other features the second time")


@contextmanager
def explain_failure(where: str, fix: str) -> Iterator[None]:
    """Turn an exception of a network's code into an ExtractionError."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
        what = f"the network gives no features of an image: {first_line(error)}"
        raise ExtractionError(what, where=where, fix=fix) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type if it has no message."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


class Pooled(nn.Module):
    """A network whose activations are pooled over all places."""

    def __init__(self, network: nn.Module, activations: Callable[[Tensor], Tensor], pooling: str) -> None:
        """Pool what ``activations``, a part of ``network``, maps ``(B, 3, h, w)`` to: ``(B, C, h', w')``."""
        super().__init__()
        self.network = network
        self.activations = activations
        self.pool = POOLINGS[pooling]

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, h, w)`` to ``(B, C)``."""
        return self.with_places(images)[0]

    def with_places(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same, and the activations ``(B, C, h', w')`` of the places."""
        activations = self.activations(images)
        return self.pool(activations), activations
