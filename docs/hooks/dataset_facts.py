"""The facts on the pages of datasets, from the catalogue: `<!-- facts: NAME -->` becomes a table."""

from __future__ import annotations

import re

from markdown_tables import table

from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.registry import plugins


def insert_facts(markdown: str) -> str:
    """Put the tables into a page."""
    return re.sub(r"<!-- facts: (\w+) -->", lambda found: _facts(plugins().datasets()[found[1]]), markdown)


def _facts(spec: DatasetSpec) -> str:
    """Return what the catalogue knows of a dataset."""
    rows: list[tuple[str, str]] = [("name", spec.title), ("paper", spec.paper)]
    rows.append(("default features, semantics", f"`{spec.features}`, `{spec.semantics}`"))
    if spec.load:
        rows.append(("files", "none: it is built in"))
    if expected := spec.expected:
        features = ", ".join(f"`{name}` ({width})" for name, width in expected.features.items())
        semantics = ", ".join(f"`{name}` ({width})" for name, width in expected.semantics.items())
        rows += [
            ("features (width)", features),
            ("semantics (width)", semantics),
            ("images", f"{expected.rows:,}"),
            ("classes", f"{expected.seen} seen, {expected.unseen} unseen"),
            ("rows", ", ".join(f"{name} {count:,}" for name, count in expected.counts.items())),
        ]
        rows += [
            (f"fingerprint of the split: {edition}", f"`{digest[:8]}`")
            for edition, digest in expected.fingerprints.items()
        ]
    for archive in spec.archives:
        what = "images" if archive.images else "features, split, semantics"
        terms = f" ({archive.licence})" if archive.licence else ""
        rows.append((what, f"<{archive.url}>{terms}"))
    return table(("", ""), rows)
