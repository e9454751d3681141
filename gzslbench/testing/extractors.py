"""Checks of feature extractors, on made pictures: three of them, each of its own colours and pattern."""

from __future__ import annotations

from functools import cached_property
from pkgutil import resolve_name

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import Extractor, ExtractorSpec
from gzslbench.prepare.extract.asking import answer, ask
from gzslbench.prepare.extract.extracting import Extraction
from gzslbench.prepare.extract.preparing import VIEWS
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.metadata_checks import NAME, check_import_without_torch

PICTURES = 3
NEAR = 1e-4


class ExtractorCase:
    """One extractor, with pictures to look at."""

    def __init__(self, spec: ExtractorSpec, model: str = "", weights: str | None = None) -> None:
        self.spec = spec
        self.model = model
        self.weights = weights

    def loaded(self, layer: str = "", pooling: str = "") -> Extraction:
        """Its network at a layer, ready to compute.

        Raises:
            NotApplicable: It takes a model or weights of the user's, and there are none here.
        """
        if self.spec.model and not self.model:
            raise NotApplicable(f"it takes a model: {self.spec.name}:{self.spec.model}")
        request = ask(self.spec, self.model, self.weights, layer, pooling)
        try:
            return Extraction(self.spec, answer(self.spec, request), request)
        except ExtractionError as error:
            raise NotApplicable(f"its network cannot be had here: {error.what}") from error

    @cached_property
    def usual(self) -> Extraction:
        """Its network at its usual layer."""
        return self.loaded()

    @cached_property
    def pictures(self) -> Tensor:
        """``(PICTURES, V, 3, crop, crop)`` uint8: coarse noise."""
        preparation = self.usual.extractor.preparation
        shape = (PICTURES * VIEWS[preparation.crops], 3, 8, 8)
        coarse = torch.rand(shape, generator=generator("cpu", 1, "pictures"))
        size = (preparation.crop, preparation.crop)
        fine = torch.nn.functional.interpolate(coarse, size, mode="bilinear", align_corners=False)
        return (fine * 255).byte().view(PICTURES, -1, 3, *size)


def features_of(extraction: Extraction, pictures: Tensor) -> Tensor:
    """``(B, width)`` as ``gzslbench extract`` computes them on the CPU."""
    with extraction.computing():
        return extraction.features(pictures)


def spec_is_complete(case: ExtractorCase) -> None:
    """The spec names paper, year, address and weights, and its loader can be imported."""
    spec = case.spec
    require(
        NAME.fullmatch(spec.name) is not None,
        f"the name {spec.name!r} is not lower case with hyphens",
        "call it so, also in the entry point",
    )
    require(bool(spec.title.strip()), "the spec has no title", "write the network's name in `title`")
    require(
        spec.year is not None,
        f"the paper {spec.paper!r} names no year",
        "write authors, title, venue and year in `paper`",
    )
    require(
        spec.url.startswith(("https://", "http://")),
        f"the url {spec.url!r} is none",
        "give the address of the paper or of the code in `url`",
    )
    require(
        bool(spec.weights.strip()), "the spec does not say where weights come from", "write it in `weights`"
    )
    require(callable(resolve_name(spec.load)), f"{spec.load} is no function", "name the loader in `load`")


def listing_imports_no_torch(case: ExtractorCase) -> None:
    """Listing it imports no torch, so that `gzslbench extractors` stays quick."""
    package = case.spec.load.partition(":")[0].rpartition(".")[0]
    if not package:
        raise NotApplicable("its loader lies in no package")
    check_import_without_torch(package)


def the_loader_gives_what_it_promises(case: ExtractorCase) -> None:
    """The network is in evaluation mode, its weights are named by their sha256, its preparation can be."""
    extractor: Extractor = case.usual.extractor
    require(not extractor.network.training, "the network is in training mode", "call eval() on it")
    require(
        len(extractor.weights.sha256) == 64 and bool(extractor.weights.name),
        f"the weights are told by {extractor.weights}",
        "give the sha256 of their file, or gzslbench.prepare.extract.weights.sha256_of_network",
    )
    preparation = extractor.preparation
    require(
        0 < preparation.crop and (preparation.crops == "whole" or preparation.crop <= preparation.short_side),
        f"a crop of {preparation.crop} pixels does not fit a shorter side of {preparation.short_side}",
        "make short_side as large as crop, or larger",
    )


def features_have_their_shape(case: ExtractorCase) -> None:
    """Each picture has one row of finite features, as many as the spec says."""
    features = features_of(case.usual, case.pictures)
    require(
        features.ndim == 2 and len(features) == PICTURES,
        f"the network makes {tuple(features.shape)} of {PICTURES} pictures",
        "return a row for each picture: pool over places, and flatten",
    )
    require(
        case.spec.width in (None, features.shape[1]),
        f"there are {features.shape[1]} features, and the spec's width is {case.spec.width}",
        "write the true one",
    )
    require(
        bool(features.isfinite().all()), "features are NaN or infinite", "look at weights and preparation"
    )


def a_picture_is_seen_by_itself(case: ExtractorCase) -> None:
    """A picture's features do not depend on those beside it, and are the same again."""
    features = features_of(case.usual, case.pictures)
    require(
        torch.equal(features, features_of(case.usual, case.pictures)),
        "the same pictures have other features the second time",
        "call eval() on the network; nothing in it may be random",
    )
    alone = torch.cat([features_of(case.usual, each[None]) for each in case.pictures])
    require(
        torch.allclose(features, alone, rtol=NEAR, atol=NEAR * float(features.abs().max())),
        "a picture's features depend on the others of its batch",
        "normalize by stored statistics: call eval() on the network",
    )


def pictures_are_told_apart(case: ExtractorCase) -> None:
    """Different pictures have different features."""
    features = features_of(case.usual, case.pictures)
    apart = torch.pdist(features) / features.norm(dim=1).mean()
    require(
        bool((apart > NEAR).all()),
        "different pictures have the same features",
        "look whether the weights were read, and whether the preparation fits them",
    )


def every_layer_and_pooling_works(case: ExtractorCase) -> None:
    """Each layer and each pooling on offer gives a row of features."""
    spec = case.spec
    if len(spec.layers) * len(spec.poolings) < 2:
        raise NotApplicable("it offers one layer and one pooling")
    for layer in spec.layers:
        for pooling in spec.poolings:
            features = features_of(case.loaded(layer, pooling), case.pictures[:1])
            require(
                features.ndim == 2 and bool(features.isfinite().all()),
                f"layer {layer}, pooling {pooling} gives {tuple(features.shape)}, or no numbers",
                "return (B, width) for every layer and pooling that the spec names",
            )


EXTRACTOR_CHECKS = (
    spec_is_complete,
    listing_imports_no_torch,
    the_loader_gives_what_it_promises,
    features_have_their_shape,
    a_picture_is_seen_by_itself,
    pictures_are_told_apart,
    every_layer_and_pooling_works,
)
