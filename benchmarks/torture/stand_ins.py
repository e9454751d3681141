"""Small things in place of those that need weights or a network, and a command line that knows them.

``python -m gzslbench_benchmarks.torture.stand_ins`` is ``gzslbench`` with an extractor ``tiny``, a text
encoder that needs no model, and a dataset PETS that a server in this process, or in its parent, offers.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import zipfile
import zlib
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.plugins import hookimpl
from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, Preparation, Request, Weights

ADDRESS = "GZSLBENCH_TORTURE_SERVER"
"""The variable of the environment with the address of the server."""
CLASSES, UNSEEN, EACH = tuple(f"bird {letter}" for letter in "abcdef"), ("bird e", "bird f"), 4
_MEMBER = 70_000


def write_inputs(folder: Path) -> None:
    """Write images in a folder for each class, a table of semantics, and features with labels."""
    from PIL import Image

    random = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (folder / "photos" / name).mkdir(parents=True)
        for photo in range(EACH):
            pixels = 30 * number + random.integers(0, 60, size=(20, 24, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "photos" / name / f"{photo}.png")
    rows = (",".join([name, *map(str, random.random(5).round(3))]) for name in CLASSES)
    (folder / "semantics.csv").write_text("\n".join(["class,a,b,c,d,e", *rows]) + "\n")
    (folder / "unseen.txt").write_text("\n".join(UNSEEN) + "\n")
    (folder / "attributes.txt").write_text("has red wings\nhas a tail\nblue\nlong bill\nstripes\n")
    np.save(folder / "wave.npy", random.random((len(CLASSES) * EACH, 7)).astype(np.float32))
    labels = [name for name in CLASSES for _ in range(EACH)]
    (folder / "wave.csv").write_text("\n".join(["label", *labels]) + "\n")


@hookimpl
def gzslbench_extractors() -> list[ExtractorSpec]:
    """Offer an extractor whose weights are computed."""
    load = f"{__name__}:load_tiny"
    return [ExtractorSpec("tiny", "Tiny", "nobody, 2026", "https://x", load, weights="computed", width=4)]


@hookimpl
def gzslbench_datasets() -> list[DatasetSpec]:
    """Offer a dataset in an archive of the server."""
    archive = Archive(f"{os.environ[ADDRESS]}/pets.zip", {"in/": ""})
    return [DatasetSpec("PETS", "Pets", archives=(archive,))]


def load_tiny(request: Request) -> Extractor:
    """Load the network of ``tiny``: a convolution, and the mean over all places."""
    import torch
    from torch import nn

    from gzslbench.prepare.extract.loading import Pooled, hash_weights

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = nn.Conv2d(3, 4, 5, stride=3)
    network = Pooled(layer, layer, request.pooling).eval()
    weights = Weights("tiny", hash_weights(network), "none")
    return Extractor(network, weights, Preparation(short_side=18, crop=16))


class Midnight(datetime):
    """A clock that stands still, because semantics have the time at which they were computed."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Midnight:
        """Return the first moment of 2020."""
        return cls(2020, 1, 1, tzinfo=tz)


class Letters:
    """An encoder whose vector of a text depends on its letters alone."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return ``(T, 8)`` random vectors."""
        seeds = [zlib.crc32(text.encode()) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=8) for seed in seeds]).astype(np.float32)

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Return that every text is read to its end."""
        return 0 * len(texts)

    def provenance(self) -> dict[str, object]:
        """Say what it is."""
        return {"encoder": "letters", "weights_sha256": {"none.bin": "ab" * 32}}


@cache
def start_server() -> str:
    """Serve the archive from a thread of this process; return its address, which child processes inherit."""
    packed = io.BytesIO()
    random = np.random.default_rng(0)
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(4):
            archive.writestr(zipfile.ZipInfo(f"in/{number}.bin"), random.bytes(_MEMBER))
    content = packed.getvalue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
            rest = content[int(begin) :]
            self.send_response(206 if int(begin) else 200)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(rest)))
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            self.wfile.write(rest)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ[ADDRESS] = f"http://127.0.0.1:{server.server_port}"
    return os.environ[ADDRESS]


def offer() -> None:
    """Let the commands of this process find all of it."""
    import gzslbench.prepare.text.build as text
    from gzslbench.plugins.registry import plugins

    if ADDRESS not in os.environ:
        start_server()
    module = sys.modules[offer.__module__].__spec__
    for kind, name in (("extractors", "tiny"), ("datasets", "pets")):
        assert module is not None
        plugins().entries[kind][name] = EntryPoint(name, module.name, f"gzslbench.{kind}")
    vars(text).update(datetime=Midnight, load_encoder=lambda *_: Letters())


def main() -> None:
    """Run a command line of gzslbench."""
    from gzslbench.cli import main as gzslbench

    offer()
    gzslbench(prog_name="gzslbench")


if __name__ == "__main__":
    main()
