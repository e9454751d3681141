"""gzslbench data semantics: encode the classes of a dataset, or its attributes, with a text encoder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gzslbench.cli.options import (
    FILE,
    PATH,
    data_option,
    dataset_argument,
    device_option,
    flag,
    json_option,
    option,
    print_json,
)

if TYPE_CHECKING:
    from gzslbench.prepare.text.build import Basis

EPILOG = """\b
Examples:
  gzslbench data semantics CUB --encoder all-MiniLM-L6-v2 --name minilm --dry-run
  gzslbench data semantics FLO --encoder ./all-MiniLM-L6-v2 --name minilm \\
      --descriptions FLO/cat_to_name.json --template "a photo of a {}, a type of flower."
  gzslbench data semantics AWA2 --encoder openai/clip-vit-base-patch32 --name clip --template "a {}."
  gzslbench run --method eszsl --dataset FLO --semantics minilm
  gzslbench data semantics CUB --of attributes --encoder words --name words
  gzslbench run --method dazle --dataset CUB --features resnet101_7x7 --semantics att+words

MODEL is a model of sentence-transformers, or a text or CLIP model of transformers: a name on the Hugging
Face hub, or a folder. Plain text models are pooled by the mean over tokens.

With --of attributes each column of the semantics gets a vector of its name, for methods that need one. The
names are those of attributes.txt in the folder, or of --attributes. MODEL may then also be a .txt file of
word vectors as GloVe has them (the mean over the words of a name), or `words`, which needs no file: a column
for each word. They are written to att+NAME.csv, and `--semantics att+NAME` uses them.

Descriptions are a JSON object from class to text or texts; CSV with the columns class and text, or image and
text (captions); a .txt file with a line `# class` above the paragraphs of each class, or with one line a
class; or a folder with class.txt, or with a folder of .txt files for each class.

Names become words: 043.Yellow_bellied_Flycatcher is encoded as "Yellow bellied Flycatcher". If a class has
several texts, each encoding is scaled to length 1, and then they are averaged. An .h5 file of features next
to the splits gets the new semantics too. `gzslbench data show DATASET --semantics NAME` shows what made them.
"""


@click.command(epilog=EPILOG)
@dataset_argument
@option("--encoder", "Name or folder of a text encoder.", metavar="MODEL", required=True)
@option("--name", "The name that `run --semantics` takes.", required=True)
@option("--of", "What is encoded.", ("classes", "attributes"), default="classes")
@option("--attributes", "With --of attributes: their names, one a line. [default: attributes.txt]", FILE)
@option(
    "--descriptions",
    "Texts about the classes: a .json, .csv or .txt file, or a folder of .txt files.",
    PATH,
)
@option(
    "--long-texts",
    "What to do with texts that are longer than the model reads: ignore their ends, or encode them in"
    " pieces and average.",
    ("cut", "split"),
    default="cut",
)
@option(
    "--template",
    'A text with {} for the class, "a photo of a {}."; repeatable.',
    to="templates",
    multiple=True,
)
@option("--split-of", "The semantics whose split and class names are used. [default: att]")
@device_option
@flag("--overwrite", "Replace semantics of this name that this command wrote.")
@flag("--dry-run", "Print the texts. Encode and write nothing.")
@data_option
@json_option()
def semantics(
    dataset: str,
    encoder: str,
    name: str,
    of: str,
    attributes: Path | None,
    descriptions: Path | None,
    long_texts: str,
    templates: tuple[str, ...],
    split_of: str | None,
    device: str,
    overwrite: bool,
    dry_run: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Encode the class names of DATASET, or descriptions of them, as its semantics NAME.

    With --of attributes, encode the names of the attributes.
    """
    from gzslbench.prepare.text.build import SemanticsRequest, build_semantics, collect_texts, find_basis

    request = SemanticsRequest(name, encoder, descriptions, templates, long_texts == "split")
    basis = find_basis(dataset, split_of, data)
    if of == "attributes":
        _encode_attributes(dataset, basis, name, encoder, attributes, device, as_json)
        return
    if dry_run:
        texts = dict(zip(basis.class_names, collect_texts(basis, request)[0], strict=True))
        lines = [f"{name}\t{text}" for name, of_class in texts.items() for text in of_class]
        print_json(texts) if as_json else click.echo("\n".join(lines))
        return
    from gzslbench.computing.device import resolve_device

    files, provenance = build_semantics(basis, request, resolve_device(device), overwrite)
    if provenance["texts_cut"]:
        share = f"{provenance['texts_cut']} of {provenance['texts']} texts"
        ends = "their ends are ignored (--long-texts split reads them)"
        click.echo(f"{share} are longer than the model reads; {ends}", err=True)
    if note := provenance.get("note"):
        click.echo(f"note: {note}", err=True)
    if as_json:
        print_json({"files": [str(file) for file in files], "provenance": provenance})
        return
    for file in files:
        click.echo(f"wrote {file}: semantics of {len(basis.class_names)} classes")
    shown = [dataset, "--semantics", name, *(["--data", str(data)] if data else [])]
    click.echo(f"next: {shlex.join(['gzslbench', 'data', 'show', *shown])}")


def _encode_attributes(
    dataset: str,
    basis: Basis,
    name: str,
    encoder: str,
    names: Path | None,
    device: str,
    as_json: bool,
) -> None:
    from gzslbench.computing.device import resolve_device
    from gzslbench.data.attributes import SEPARATOR
    from gzslbench.prepare.text.attributes import build_attributes

    file, provenance = build_attributes(basis, name, encoder, names, resolve_device(device))
    if as_json:
        print_json({"files": [str(file)], "provenance": provenance})
        return
    unknown = provenance.get("unknown_words")
    if isinstance(unknown, list) and unknown:
        click.echo(f"no vector of: {', '.join(unknown)}", err=True)
    click.echo(f"wrote {file}")
    shown = f"--dataset {shlex.quote(dataset)} --semantics {basis.semantics}{SEPARATOR}{name}"
    click.echo(f"next: gzslbench run --method dazle {shown} --features NAME_7x7")
