"""The contract of a dataset: its spec, what its files should contain, and the archives with the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True)
class Archive:
    """A file on a server: a .zip, .tgz or .tar.gz archive, or any other file, which is its own only member.

    Attributes:
        url: Where it is published, http or https.
        wanted: From members of the archive to their folder below the dataset's folder. A key that ends in a
            slash takes everything below it, any other key the one member of this name.
        images: Whether it contains images, which are only fetched on request.
        licence: What is known about the terms.
        size: Bytes, if known.
        sha256: Hexadecimal, if known.
    """

    url: str
    wanted: Mapping[str, str]
    images: bool = False
    licence: str = ""
    size: int | None = None
    sha256: str = ""

    @property
    def name(self) -> str:
        """Name of the file."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name

    def at(self, mirror: str | None) -> str:
        """Return its address below ``mirror``, the address of a folder, or where it is published."""
        return f"{mirror.rstrip('/')}/{quote(self.name)}" if mirror else self.url

    def taker(self, member: str) -> str | None:
        """Return the key of ``wanted`` that takes a member, or None."""
        for key in self.wanted:
            if member == key or (key.endswith("/") and member.startswith(key)):
                return key
        return None

    def place(self, member: str) -> str:
        """Return the path of a wanted member below the dataset's folder; it is not checked."""
        key = self.taker(member) or ""
        folder = self.wanted[key]
        rest = member.removeprefix(key) if key.endswith("/") else member.rpartition("/")[2]
        return f"{folder}/{rest}" if folder else rest


@dataclass(frozen=True)
class Expected:
    """What the published files of a dataset contain.

    Attributes:
        features: Dimension of each known feature file.
        semantics: Dimension of each known semantics.
        rows: N, images.
        seen: Seen classes.
        unseen: Unseen classes.
        counts: Rows of trainval, test_seen and test_unseen.
        fingerprints: ``Split.fingerprint`` of each known edition of the split, by edition.
        semantics_content: ``Dataset.semantics_content`` of each known semantics, by name.
    """

    features: Mapping[str, int]
    semantics: Mapping[str, int]
    rows: int
    seen: int
    unseen: int
    counts: Mapping[str, int]
    fingerprints: Mapping[str, str]
    semantics_content: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetSpec:
    """What ``gzslbench datasets`` shows of a dataset, and how it is loaded.

    Attributes:
        name: What ``--dataset`` takes.
        title: Its name in full.
        load: ``package.module:function`` that returns a Dataset; empty for a dataset read from files.
        features: The default features.
        semantics: The default semantics.
        paper: Authors, venue and year.
        url: Where it is published.
        expected: What its files should contain, if known.
        images: ``package.module:function``, a ``ListImages`` of ``gzslbench.prepare.extract.listings``,
            that lists its images in the order of its rows; empty if there is none.
        archives: What ``gzslbench data fetch`` downloads.
        advice: How to get the files, in short lines, if they are in no archive.
        sources: Where semantics come from that the archive does not have, in short lines, by their name.
    """

    name: str
    title: str
    load: str = ""
    features: str = "res101"
    semantics: str = "att"
    paper: str = ""
    url: str = ""
    expected: Expected | None = None
    images: str = ""
    archives: tuple[Archive, ...] = ()
    advice: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
