"""Checks of feature extractors, on three generated images with different colors and patterns."""

from __future__ import annotations

from functools import cached_property
from pkgutil import resolve_name

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import ExtractorSpec, Preparation
from gzslbench.prepare.extract.compute import Extraction
from gzslbench.prepare.extract.extract import load_extractor, make_request
from gzslbench.prepare.extract.image import preprocess
from gzslbench.testing.check import (
    NotApplicable,
    require,
    require_citation,
    require_import_without_torch,
)

IMAGES = 3
TOLERANCE = 1e-4


class ExtractorCase:
    """One extractor, with images to extract features from."""

    def __init__(self, spec: ExtractorSpec, model: str = "", weights: str | None = None) -> None:
        self.spec = spec
        self.model = model
        self.weights = weights

    def load(self, layer: str = "", pooling: str = "") -> Extraction:
        """Load its network at a layer; skip the check if it needs a model or weights from the user."""
        if self.spec.model and not self.model:
            raise NotApplicable(f"it needs a model: {self.spec.name}:{self.spec.model}")
        request = make_request(self.spec, self.model, self.weights, layer, pooling)
        try:
            return Extraction(self.spec, load_extractor(self.spec, request), request)
        except ExtractionError as error:
            raise NotApplicable(f"its network cannot be loaded here: {error.what}") from error

    @cached_property
    def default(self) -> Extraction:
        """Its network at its default layer."""
        return self.load()

    @cached_property
    def images(self) -> Tensor:
        """``(IMAGES, V, 3, h, w)``: coarse noise, preprocessed."""
        from PIL import Image

        coarse = torch.rand((IMAGES, 3, 8, 8), generator=generator("cpu", 1, "images"))
        fine = torch.nn.functional.interpolate(coarse, (200, 240), mode="bilinear", align_corners=False)
        preparation = self.default.extractor.preparation
        pixels = (fine * 255).byte().permute(0, 2, 3, 1).numpy()
        return torch.stack([preprocess(Image.fromarray(image), preparation) for image in pixels])


def _compute(extraction: Extraction, images: Tensor) -> Tensor:
    with extraction.computing():
        return extraction.features(images)[0]


def spec_is_complete(case: ExtractorCase) -> None:
    """The spec names paper, year, address and weights, and its loader can be imported."""
    spec = case.spec
    require_citation(spec)
    what = "the spec does not say where weights come from"
    require(bool(spec.weights.strip()), what, "write it in `weights`")
    require(callable(resolve_name(spec.load)), f"{spec.load} is not a function", "name the loader in `load`")


def listing_imports_no_torch(case: ExtractorCase) -> None:
    """Listing it imports no torch, so that `gzslbench extractors` stays fast."""
    package = case.spec.load.partition(":")[0].rpartition(".")[0]
    if not package:
        raise NotApplicable("its loader is not in a package")
    require_import_without_torch(package)


def loader_keeps_its_contract(case: ExtractorCase) -> None:
    """The network is in evaluation mode, its weights have a sha256, its crop is possible."""
    extractor = case.default.extractor
    require(not extractor.network.training, "the network is in training mode", "call eval() on it")
    complete = len(extractor.weights.sha256) == 64 and bool(extractor.weights.name)
    fix = "give the sha256 of their file, or gzslbench.prepare.extract.loading.hash_weights"
    require(complete, f"the weights have no name or no sha256: {extractor.weights}", fix)
    preparation = extractor.preparation
    if isinstance(preparation, Preparation) and preparation.crops != "whole":
        fits = 0 < preparation.crop <= preparation.short_side
        what = f"the crop does not fit into the resized image: {preparation}"
        require(fits, what, "make short_side as large as crop, or larger")


def features_have_their_shape(case: ExtractorCase) -> None:
    """Each image has one row of finite features, as many as the spec says."""
    features = _compute(case.default, case.images)
    width, expected = features.shape[1], case.spec.width
    what = f"there are {width} features, and the spec's width is {expected}"
    require(expected in (None, width), what, "correct `width`")
    require(bool(features.isfinite().all()), "features are NaN or infinite", "check weights and preparation")


def features_depend_on_their_image_only(case: ExtractorCase) -> None:
    """An image's features do not depend on the other images of the batch, and are the same again."""
    features = _compute(case.default, case.images)
    same = torch.equal(features, _compute(case.default, case.images))
    fix = "call eval() on the network; nothing in it may be random"
    require(same, "the same images have other features the second time", fix)
    single = torch.cat([_compute(case.default, image[None]) for image in case.images])
    near = torch.allclose(features, single, rtol=TOLERANCE, atol=TOLERANCE * float(features.abs().max()))
    fix = "normalize by stored statistics: call eval() on the network"
    require(near, "an image's features depend on the other images of its batch", fix)


def different_images_have_different_features(case: ExtractorCase) -> None:
    """Different images have different features."""
    features = _compute(case.default, case.images)
    distances = torch.pdist(features) / features.norm(dim=1).mean()
    fix = "check that the weights were read, and that the preparation fits them"
    require(bool((distances > TOLERANCE).all()), "different images have the same features", fix)


def every_layer_and_pooling_works(case: ExtractorCase) -> None:
    """Each layer and each pooling of the spec gives a row of features."""
    spec = case.spec
    choices = [(layer, pooling) for layer in spec.layers for pooling in spec.poolings]
    if len(choices) < 2:
        raise NotApplicable("it has one layer and one pooling")
    for layer, pooling in choices:
        features = _compute(case.load(layer, pooling), case.images[:1])
        what = f"layer {layer}, pooling {pooling} gives NaN or infinite features"
        fix = "check the layer; the spec may name only layers and poolings that work"
        require(bool(features.isfinite().all()), what, fix)
