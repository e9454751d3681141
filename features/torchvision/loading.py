"""Load a classifier of torchvision, with the transforms of its weights."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Extractor, ImageTransform, Preparation, Request
from gzslbench.prepare.extract.loading import (
    Pooled,
    check_features,
    download_weights,
    explain_failure,
    import_package,
    read_weights,
)

_FIX_IMPORT = (
    "install the torchvision that was built for this torch (see both version numbers in torchvision's README)"
)
_FIX_LAYER = "name another layer, or leave --layer out"
# torchvision sets these together with the weights; the files of weights do not contain them.
_SETTINGS = {name: {"transform_input": True, "init_weights": False} for name in ("googlenet", "inception_v3")}
# DenseNet's published files are older than the rule that names contain no dot.
_OLD_NAMES = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)(?=\.)")
MAX_LISTED = 5


def load(request: Request) -> Extractor:
    """Load the network up to its last linear layer, or up to a node, with weights by name or from a file."""
    models = import_package("torchvision.models", "torchvision", _FIX_IMPORT)
    where = f"torchvision:{request.model}"
    network = _create_network(models, request.model, where).eval()
    published = list(models.get_model_weights(request.model))
    by_name = {weights.name: weights for weights in published}
    if request.weights is None:
        raise ExtractionError(
            f"{request.model} comes without weights",
            where=where,
            fix=f"name {' or '.join(['DEFAULT', *by_name])}, or a file of them, by --weights",
        )
    if request.weights == "DEFAULT" and published:
        chosen = models.get_model_weights(request.model).DEFAULT
    else:
        chosen = by_name.get(request.weights)
    file = download_weights(chosen.url, sha256_start(chosen)) if chosen else Path(request.weights)
    weights = read_weights(network, file, rename=partial(_OLD_NAMES.sub, r"\1\2"))
    weights = replace(weights, pretraining=find_pretraining(published, weights.sha256))
    preparation, crop = find_transforms(published, weights.sha256)
    if request.layer:
        features = _pool_node(network, request, crop, where)
    else:
        features = _drop_classifier(network, request, where)
    check_features(features.eval(), torch.zeros(1, 3, crop, crop), where, _FIX_LAYER)
    return Extractor(features, weights, preparation, ("torchvision",))


def sha256_start(published: Any) -> str:
    """Return the digits at the end of the name of a published file."""
    return str(published.url).rpartition("-")[2].partition(".")[0]


def find_transforms(published: Sequence[Any], sha256: str) -> tuple[ImageTransform | Preparation, int]:
    """Return the transforms of the weights with this sha256, and their crop size in pixels.

    Unknown weights get the transforms of the first published weights of the network.
    """
    if not published:
        return Preparation(), Preparation().crop
    matching = [weights for weights in published if sha256.startswith(sha256_start(weights))]
    transforms = (matching or published)[0].transforms()
    (crop,) = transforms.crop_size
    return ImageTransform(transforms, {"transforms": " ".join(repr(transforms).split())}), crop


def find_pretraining(published: Sequence[Any], sha256: str) -> str:
    """Return what the published weights with this sha256 learned from; ``unknown`` for other weights.

    SWAG's learned from hashtags of images (Singh et al., CVPR 2022) before ImageNet.
    """
    names = [weights.name for weights in published if sha256.startswith(sha256_start(weights))]
    if any("SWAG" in name for name in names):
        return "web images with hashtags"
    return "imagenet-1k" if any(name.startswith("IMAGENET1K") for name in names) else "unknown"


def _create_network(models: Any, name: str, where: str) -> nn.Module:
    names = models.list_models(module=models)
    if name not in names:
        raise ExtractionError(
            f"torchvision has no classifier {name!r}", where=where, fix=did_you_mean(name, names)
        )
    network: nn.Module = models.get_model(name, weights=None, **_SETTINGS.get(name, {}))
    return network


def _drop_classifier(network: nn.Module, request: Request, where: str) -> nn.Module:
    """Replace the last linear layer by the identity."""
    if request.pooling not in ("", "own"):
        raise ExtractionError(
            "only the activations of a layer are pooled",
            where=f"{where} --pooling {request.pooling}",
            fix="name the layer with --layer NODE, or leave --pooling out",
        )
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ExtractionError(
            f"{request.model} does not end in a linear layer",
            where=where,
            fix="name a node with --layer, for example --layer features",
        )
    parent, _, name = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return network


def _pool_node(network: nn.Module, request: Request, crop: int, where: str) -> nn.Module:
    extraction = import_package("torchvision.models.feature_extraction", "torchvision", _FIX_IMPORT)
    _, nodes = extraction.get_graph_node_names(network)
    if not any(node == request.layer or node.startswith(f"{request.layer}.") for node in nodes):
        near = difflib.get_close_matches(request.layer, nodes, MAX_LISTED) or nodes[-MAX_LISTED:]
        raise ExtractionError(
            f"{request.model} has no node {request.layer!r}",
            where=f"{where} --layer",
            fix=f"name one of its {len(nodes)} nodes, such as {', '.join(near)}",
        )
    part = extraction.create_feature_extractor(network, {request.layer: "activations"}).eval()
    with explain_failure(f"{where} --layer {request.layer}", _FIX_LAYER), torch.inference_mode():
        axis = channel_axis(part(torch.zeros(1, 3, crop, crop))["activations"])
    pooling = "mean" if request.pooling in ("", "own") else request.pooling
    return Pooled(part, partial(_node_activations, part, axis), pooling)


def channel_axis(activations: Tensor) -> int:
    """Return the axis of the channels: the other two axes have equal lengths, because images are square."""
    if activations.ndim == 4:
        _, first, middle, last = activations.shape
        if first != middle == last:
            return 1
        if first == middle != last:
            return 3
    shape = tuple(activations.shape[1:])
    raise ValueError(f"its activations are {shape}, neither (C, h, h) nor (h, h, C)")


def _node_activations(part: nn.Module, axis: int, images: Tensor) -> Tensor:
    activations: Tensor = part(images)["activations"]
    return activations.movedim(axis, 1)
