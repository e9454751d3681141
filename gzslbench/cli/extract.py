"""gzslbench extract: compute the features of a dataset's images."""

from __future__ import annotations

from typing import Any

import click

from gzslbench.cli import options as opt
from gzslbench.cli.options import FILE, POSITIVE, flag, option

EPILOG = """\b
Examples:
  gzslbench extract --dataset FLO --images FLO/jpg --extractor resnet101 \\
      --weights resnet101-63fe2227.pth
  gzslbench extract --dataset CUB --images CUB/images --extractor resnet101 \\
      --weights IMAGENET1K_V2
  gzslbench extract --dataset FLO --images FLO/jpg --workers 4 \\
      --extractor hf:facebook/dinov2-base
  gzslbench run --method ce-gzsl --dataset FLO --features resnet101

With --regions the file also has a vector of each place that the layer sees: 7 x 7 of a ResNet, the patches of
a transformer. Its name says how many, such as resnet101_7x7. Methods on regions read them; others read the
pooled features of the same file.

The rows of the file are in the order that the split of the dataset uses. This order comes from the published
feature file, if one with image names is next to the splits. Otherwise it comes from the images: AWA1 and AWA2
use the folders of JPEGImages by name, CUB images.txt, FLO setid.mat, SUN images.mat, and APY the lists of
attribute_data.

If an image is missing, nothing is computed. If an image cannot be read, the command names it at the end and
writes no file. With --skip such images are left out; the split without them is another task.

If the extraction is interrupted, the same command continues it. A finished extraction is not repeated, unless
you pass --again.
"""


@click.command(epilog=EPILOG)
@opt.photographs_options
@option("--weights", "A file of weights, or a name that the extractor knows.")
@option("--layer", "A layer of the network.", default="", show_default="that of the extractor")
@option(
    "--pooling",
    "How the places of a layer become one vector.",
    default="",
    show_default="that of the extractor",
)
@option(
    "--crops",
    "The part of an image that the network sees. [default: that of the network, mostly centre]",
    ["centre", "whole", "ten"],
)
@flag("--regions", "Store the vectors of the places in each image as well, for methods on regions.")
@option(
    "--grid",
    "Average regions over a square of so many places a side. [default: those of the layer]",
    POSITIVE,
)
@option(
    "--region-type",
    "How regions are stored; float16 takes half the disk.",
    ["float16", "float32"],
    default="float16",
)
@option("--batch-size", "Images that the network computes at once.", POSITIVE, default=32)
@opt.workers_option
@opt.device_option
@opt.precision_option
@opt.data_option
@option("--out", "The .h5 file to write. [default: next to the splits, named after the extractor]", FILE)
@option(
    "--pretraining",
    "What weights of your own learned from: imagenet-1k, imagenet-22k, web image-text, or as you call it.",
    default="",
    show_default="as the extractor knows it",
)
@option("--finetuned", "The rows on which weights of your own were fine-tuned: trainval, ...", default="")
@flag("--skip", "Leave out the rows whose images cannot be read.")
@flag("--again", "Repeat a finished extraction.")
def extract(**options: Any) -> None:
    """Compute the features of a dataset's images, for `gzslbench run --features`."""
    from gzslbench.api.build import run_extraction
    from gzslbench.prepare.extract.extract import ExtractionRequest

    request = ExtractionRequest(**options)
    result = run_extraction(request)
    if result.is_new:
        where = f"{result.path}" if request.out else f"{request.dataset} --features {result.path.stem}"
        click.echo(f"next: gzslbench run --method eszsl --dataset {where}", err=True)
