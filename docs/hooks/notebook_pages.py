"""A page for each notebook in docs/notebooks: its text, and its code in blocks."""

from __future__ import annotations

import json
from pathlib import Path


def make_notebook_pages(docs: Path) -> dict[str, str]:
    """Return the pages by their place in the site."""
    return {
        file.relative_to(docs).with_suffix(".md").as_posix(): _page(file)
        for file in sorted(docs.glob("notebooks/*.ipynb"))
    }


def _page(file: Path) -> str:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    # After the title:
    parts.insert(1, f"This page is the notebook [`{file.name}`]({file.name}); a test executes it.")
    return "\n\n".join(parts) + "\n"
