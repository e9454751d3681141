"""What mkdocs calls while it builds the site; each step is a module of its own."""

from __future__ import annotations

from pathlib import Path

from api_page import insert_api
from command_page import insert_commands
from dataset_facts import insert_facts
from equations import typeset
from method_pages import make_method_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from notebook_pages import make_notebook_pages
from page_links import move_links, read_pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in docs/."""
    pages = {**read_pages(), **make_method_pages(), **make_notebook_pages(Path(config.docs_dir))}
    for uri, content in pages.items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Complete the text of a page."""
    for complete in (insert_facts, insert_commands, insert_api):
        markdown = complete(markdown)
    return move_links(markdown, page.file.src_uri)


def on_page_content(content: str, **_: object) -> str:
    """Complete the HTML of a page."""
    return typeset(content)
