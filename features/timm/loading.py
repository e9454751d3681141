"""Load a model of timm, with timm's own image transform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ImageTransform, Request, Weights
from gzslbench.prepare.extract.loading import (
    MAX_LISTED,
    Pooled,
    check_features,
    first_line,
    hash_weights,
    import_package,
    read_weights,
)

PRETRAININGS = {
    "imagenet-22k": ("in22k", "in21k", "in12k"),
    "web image-text": ("openai", "laion", "datacomp", "dfn", "metaclip", "mclip", "webli", "cc12m"),
    "web images with hashtags": ("swag", "swsl", "ig1b", "yfcc100m"),
    "web images with labels": ("jft",),
    "self-supervised: lvd-142m": ("lvd142m",),
    "self-supervised: lvd-1689m": ("lvd1689m",),
    "self-supervised: imagenet-1k": ("mae", "dino", "fcmae"),
    "imagenet-1k": ("in1k",),
}
"""What weights learned from, by the parts of timm's tags that say so; the first that fits counts."""
_FIX_IMPORT = "timm needs torchvision: install the one that was built for this torch"


def load(request: Request) -> Extractor:
    """Load the network without its classifier, with the weights of its name or of a file."""
    timm = import_package("timm", "timm", _FIX_IMPORT)
    where = f"timm:{request.model}"
    if not request.layer and request.pooling not in ("", "own"):
        raise ExtractionError(
            "only the activations of a layer are pooled",
            where=f"{where} --pooling {request.pooling}",
            fix="name the layer with --layer N, or leave --pooling out",
        )
    network = _create_network(timm, request, where)
    settings = timm.data.resolve_model_data_config(network)
    preparation = ImageTransform(timm.data.create_transform(**settings, is_training=False), settings)
    if request.weights is None:
        name = _full_name(network, request.model)
        weights = Weights(name, hash_weights(network), find_pretraining(name))
    else:
        classifier = [f"{name}.{part}" for name in _classifiers(network) for part in ("weight", "bias")]
        weights = read_weights(network, Path(request.weights), classifier)
    features = _pool_layer(network, request, settings["input_size"], where) if request.layer else network
    return Extractor(features.eval(), weights, preparation, ("timm", "torchvision"))


def find_pretraining(name: str) -> str:
    """Return what the weights of ``network.tag`` learned from; ``unknown`` if the tag does not say it."""
    parts = name.partition(".")[2].split("_")
    for pretraining, marks in PRETRAININGS.items():
        if any(part.startswith(marks) for part in parts):
            return pretraining
    return "unknown"


def _create_network(timm: Any, request: Request, where: str) -> nn.Module:
    name = request.model
    bare = name.partition(".")[0]
    if ":" not in name and not timm.is_model(bare):
        near = timm.list_models(f"*{bare}*") or timm.list_models(f"{bare[:4]}*")
        raise ExtractionError(
            f"timm has no model {bare!r}",
            where=where,
            fix=f"such as {', '.join(near[:5])}" if near else "see timm.list_models()",
        )
    try:
        with collect_missing_weights() as missing:
            network: nn.Module = timm.create_model(name, pretrained=request.weights is None, num_classes=0)
    except Exception as error:  # timm, the hub, the network and readers of files each raise their own
        raise ExtractionError(
            f"this model cannot be loaded: {first_line(error)}",
            where=where,
            fix="check the name; without a network, download its weights elsewhere and name the file by"
            " --weights",
        ) from error
    check_complete(missing, _classifiers(network), where)
    return network.eval()


@contextmanager
def collect_missing_weights() -> Iterator[list[str]]:
    """Collect the weights that any ``load_state_dict`` finds no value for: timm only logs them."""
    missing: list[str] = []
    load_state_dict = nn.Module.load_state_dict

    def collecting(network: nn.Module, *state: Any, **settings: Any) -> Any:
        outcome = load_state_dict(network, *state, **settings)
        missing.extend(outcome.missing_keys)
        return outcome

    nn.Module.load_state_dict = collecting  # type: ignore[assignment, method-assign]
    try:
        yield missing
    finally:
        nn.Module.load_state_dict = load_state_dict  # type: ignore[method-assign]


def check_complete(missing: Iterable[str], classifiers: Sequence[str], where: str) -> None:
    """Refuse a network with missing weights, because they are random numbers.

    The normalization right before a classifier may be missing: networks that were trained without labels
    have none, and timm's does nothing until it is trained.
    """
    optional = tuple(f"{name.rpartition('.')[0]}.norm." for name in classifiers if "." in name)
    names = sorted(name for name in missing if not name.startswith(optional))
    if names:
        raise ExtractionError(
            f"{len(names)} weights are missing, for example {', '.join(names[:MAX_LISTED])}",
            where=where,
            fix="use a complete model: missing weights would be random numbers",
        )


def _pretrained_config(network: nn.Module, name: str) -> Any:
    config: Any = getattr(network, "pretrained_cfg", {})
    return config.get(name)


def _full_name(network: nn.Module, model: str) -> str:
    parts = (_pretrained_config(network, "architecture"), _pretrained_config(network, "tag"))
    return ".".join(filter(None, parts)) or model


def _classifiers(network: nn.Module) -> tuple[str, ...]:
    names = _pretrained_config(network, "classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _pool_layer(network: nn.Module, request: Request, size: Sequence[int], where: str) -> nn.Module:
    pooling = "mean" if request.pooling in ("", "own") else request.pooling
    features = Pooled(network, partial(_layer_activations, network, request.layer), pooling)
    fix = "write the number of a block or stage: 0 is the first, -1 the last; or leave --layer out"
    check_features(features, torch.zeros(1, *size), f"{where} --layer {request.layer}", fix)
    return features


def _layer_activations(network: Any, layer: str, images: Tensor) -> Tensor:
    activations: Tensor
    (activations,) = network.forward_intermediates(
        images, indices=[int(layer)], output_fmt="NCHW", intermediates_only=True
    )
    return activations
