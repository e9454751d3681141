"""Weights from their publishers."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

from gzslbench.errors import ExtractionError


def download(url: str, sha256: str) -> Path:
    """The file at ``url``, where torch keeps such files; downloaded and checked unless it is there.

    Args:
        url: Where it is.
        sha256: Its first digits.

    Raises:
        ExtractionError: It cannot be had, or what came is another file.
    """
    from torch.hub import download_url_to_file, get_dir

    file = Path(get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.is_file():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            download_url_to_file(url, str(file), hash_prefix=sha256)
        except (URLError, OSError, RuntimeError) as error:
            raise ExtractionError(
                f"the weights cannot be downloaded: {error}",
                where=url,
                fix="try again, or download the file elsewhere and name it with --weights",
            ) from error
    return file
