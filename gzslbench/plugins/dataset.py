"""What a dataset is: its spec, what its files should hold, and the archives that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True)
class Archive:
    """A file on a server: a .zip, a .tgz or .tar.gz, or any other file, which is its own only member.

    Attributes:
        url: Where it is published, http or https.
        wanted: From what is wanted in the archive to the folder, below the dataset's, that it goes to. A key
            that ends in a slash takes all that lies below it, another key the one member of that name.
        images: Whether it holds images, which are fetched on demand alone.
        licence: What is known of the terms.
        size: Bytes, where they are known.
        sha256: Hexadecimal, where it is known.
    """

    url: str
    wanted: Mapping[str, str]
    images: bool = False
    licence: str = ""
    size: int | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name

    def at(self, mirror: str | None) -> str:
        """Its address in the folder ``mirror`` of another server, or where it is published."""
        return f"{mirror.rstrip('/')}/{quote(self.name)}" if mirror else self.url

    def taker(self, member: str) -> str | None:
        """The key of ``wanted`` that takes a member, or None."""
        for key in self.wanted:
            if member == key or (key.endswith("/") and member.startswith(key)):
                return key
        return None

    def place(self, member: str) -> str:
        """Where a member that is taken goes below the dataset's folder; nothing in it has been checked.

        Raises:
            KeyError: No key takes it.
        """
        key = self.taker(member) or ""
        folder = self.wanted[key]
        rest = member.removeprefix(key) if key.endswith("/") else member.rpartition("/")[2]
        return f"{folder}/{rest}" if folder else rest


@dataclass(frozen=True)
class Expected:
    """What the published files of a dataset hold.

    Attributes:
        features: Dimension of each known feature file.
        semantics: Dimension of each known semantics.
        rows: N, images.
        seen: Seen classes.
        unseen: Unseen classes.
        counts: Rows of trainval, test_seen and test_unseen.
        fingerprints: ``Split.fingerprint`` of each known edition of the split, by edition.
    """

    features: Mapping[str, int]
    semantics: Mapping[str, int]
    rows: int
    seen: int
    unseen: int
    counts: Mapping[str, int]
    fingerprints: Mapping[str, str]


@dataclass(frozen=True)
class DatasetSpec:
    """What ``gzslbench datasets`` shows of a dataset, and how it is loaded.

    Attributes:
        name: What ``--dataset`` takes.
        title: Its name in full.
        load: ``package.module:function`` without arguments that returns a Dataset; empty for a dataset
            read from files.
        features: Which features are taken when none are asked for.
        semantics: Which semantics are taken when none are asked for.
        paper: Authors, venue and year.
        url: Where it can be had.
        expected: What its files should hold, where that is known.
        photographs: ``package.module:function``, a ``gzslbench.prepare.extract.listings.listing.List``,
            of its photographs in the order of its rows; empty where nobody has written one.
        archives: What ``gzslbench data fetch`` downloads.
    """

    name: str
    title: str
    load: str = ""
    features: str = "res101"
    semantics: str = "att"
    paper: str = ""
    url: str = ""
    expected: Expected | None = None
    photographs: str = ""
    archives: tuple[Archive, ...] = ()
