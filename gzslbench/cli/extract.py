"""gzslbench extract: features of a dataset's images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.cli.options import data_option

if TYPE_CHECKING:
    from gzslbench.prepare.extract.extract import ExtractionRequest, ExtractionResult

EPILOG = """\b
Examples:
  gzslbench extract --dataset FLO --images FLO/jpg --extractor efficientnet-lite0
  gzslbench extract --dataset FLO --images FLO/jpg --extractor resnet101 --weights resnet101-63fe2227.pth
  gzslbench extract --dataset CUB --images CUB/images --extractor resnet101 --weights IMAGENET1K_V2
  gzslbench extract --dataset FLO --images FLO/jpg --extractor hf:facebook/dinov2-base --workers 4
  gzslbench run --method ce-gzsl --dataset FLO --features resnet101

Rows are in the order that the dataset's split indexes. AWA1 and AWA2 use the folders of JPEGImages by name;
CUB uses images.txt, FLO setid.mat, SUN images.mat, APY the lists of attribute_data, from the folder of the
dataset or of the images. If a published feature file with image names is next to the splits, its order is
used, and its classes must agree.

Unfinished features are kept next to the file. If the extraction is interrupted, the same command continues,
and computes again what has changed; with another --images folder it starts again. Missing images are
reported at once, unreadable images at the end, and then no file is written. With --skip their rows are left
out; the split without them is another task. A finished extraction is not repeated, unless you pass --again.

Exit status: 0 the file is written; 2 the input must be corrected; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.option("--dataset", required=True, help="A name from `gzslbench datasets`.")
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder with the images.",
)
@click.option("--extractor", required=True, help="NAME, or NAME:MODEL, from `gzslbench extractors`.")
@click.option("--weights", help="A file of weights, or a name that the extractor knows.")
@click.option("--layer", default="", help="A layer of the network. [default: the extractor's]")
@click.option("--pooling", default="", help="How to pool a layer over all places. [default: the extractor's]")
@click.option(
    "--crops",
    type=click.Choice(["centre", "whole", "ten"]),
    help="The part of an image that the network sees. [default: the network's, mostly centre]",
)
@click.option("--boxes", is_flag=True, help="Cut out the box around each object first; APY always does.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes that decode images while the network computes; 0: none.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, or cuda:N.")
@click.option("--precision", type=click.Choice(["fp32", "tf32", "bf16"]), default="fp32", show_default=True)
@data_option
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .h5 file to write. [default: next to the splits, named after the extractor]",
)
@click.option("--skip", is_flag=True, help="Leave out the rows whose images cannot be read.")
@click.option("--again", is_flag=True, help="Repeat a finished extraction.")
def extract(**options: Any) -> None:
    """Compute the features of a dataset's images, and write them as `run --features` takes them."""
    from gzslbench.prepare.extract.extract import ExtractionRequest

    request = ExtractionRequest(**options)
    result = run_extraction(request)
    if result.is_new:
        where = f"{result.path}" if request.out else f"{request.dataset} --features {result.path.stem}"
        click.echo(f"next: gzslbench run --method eszsl --dataset {where}", err=True)


def run_extraction(request: ExtractionRequest) -> ExtractionResult:
    """Extract features, and print progress and result."""
    from gzslbench.prepare.extract.extract import ExtractionProgress, extract_features, shorten
    from gzslbench.report.terminal.progress import watch_images

    def note(text: str) -> None:
        click.echo(text, err=True)

    result = extract_features(request, ExtractionProgress(note, watch_images))
    for line in shorten(result.left_out):
        note(f"left out: {line}")
    if result.is_new:
        click.echo(f"{result.images} images: wrote {result.path}")
    else:
        click.echo(f"{result.path} was extracted in exactly this way; --again repeats it")
    return result
