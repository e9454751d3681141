"""From the texts of classes to their semantics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.prepare.text.descriptions import Texts
from gzslbench.prepare.text.encoder import Encoder

SAME = 1e-6
"""Distance of two classes' semantics, of length 1, below which nothing can tell them apart."""


def encode_classes(encoder: Encoder, texts: Sequence[Texts], names: Sequence[str]) -> NDArray[np.float32]:
    """The mean of a class's encodings, each brought to length 1 before, and the mean after.

    Args:
        encoder: Of texts.
        texts: Of C classes, one or more each.
        names: Of the classes, for errors.

    Returns:
        ``(C, a)``, each row of length 1, as the published attributes are.

    Raises:
        DataError: An encoding is NaN, infinite or zero, or two classes have the same.
    """
    flat = [text for each in texts for text in each]
    encoded = np.asarray(encoder.encode(flat), dtype=np.float64)
    lengths = np.linalg.norm(encoded, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise DataError(
            f"the model encodes {len(bad)} texts as NaN, infinite or zero",
            where=repr(flat[bad[0]]),
            fix="use another model",
        )
    starts = np.cumsum([0, *(len(each) for each in texts[:-1])])
    means = np.add.reduceat(encoded / lengths[:, None], starts)
    size = np.linalg.norm(means, axis=1)
    opposed = np.flatnonzero(size < SAME)
    if len(opposed):
        raise DataError(
            "the encodings of a class's texts cancel out",
            where=names[opposed[0]],
            fix="describe it otherwise",
        )
    semantics = means / size[:, None]
    _refuse_twins(semantics, texts, names)
    return np.asarray(semantics, dtype=np.float32)


def _refuse_twins(semantics: NDArray[np.float64], texts: Sequence[Texts], names: Sequence[str]) -> None:
    for row, one in enumerate(semantics[:-1]):
        near = np.flatnonzero(np.linalg.norm(semantics[row + 1 :] - one, axis=1) < SAME)
        if len(near):
            other = row + 1 + int(near[0])
            raise DataError(
                f"the classes {names[row]!r} and {names[other]!r} have the same encoding",
                where=f"{texts[row][0]!r}, {texts[other][0]!r}",
                fix="describe them differently, put what differs first where texts are cut, or use another "
                "model or pooling",
            )
