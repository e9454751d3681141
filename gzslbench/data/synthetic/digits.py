"""scikit-learn's handwritten digits as a small GZSL dataset: no download, trained on within seconds.

The semantics of a digit describe its strokes: the seven-segment code of a display, and fourteen facts
about the handwritten shape. They come from the shapes of the digits, not from the images. Unseen are 3 and
6, the pair whose strokes the other eight digits describe best: of all pairs, their semantics are nearest to
the span of the others' (the larger of the two distances counts). No image was used for this choice.
"""

from __future__ import annotations

import numpy as np

from gzslbench.data.dataset import Dataset, Split, content_fingerprint, hold_out

UNSEEN = (3, 6)

# For each stroke the digits that have it.
STROKES = {
    "segment a: top": "02356789",
    "segment b: upper right": "01234789",
    "segment c: lower right": "013456789",
    "segment d: bottom": "0235689",
    "segment e: lower left": "0268",
    "segment f: upper left": "045689",
    "segment g: middle": "2345689",
    "loop above": "89",
    "loop below": "68",
    "loop of the whole height": "0",
    "upright straight stroke": "149",
    "straight stroke on top": "57",
    "slanted straight stroke": "247",
    "curve": "0235689",
    "strokes that cross": "48",
    "open to the left above": "1237",
    "open to the left below": "34579",
    "open to the right above": "456",
    "open to the right below": "247",
    "same when mirrored left to right": "018",
    "same when mirrored top to bottom": "0138",
}
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def stroke_table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return ``(10, 21)`` float32: 1 if the digit has the stroke, else 0."""
    table = [[float(str(digit) in digits) for digits in STROKES.values()] for digit in range(10)]
    return np.array(table, dtype=np.float32)


def load_digits() -> Dataset:
    """Return 1797 images of 8 x 8 pixels (0 to 16) in ten classes, with ``(10, 21)`` semantics of strokes.

    The rows of the semantics are scaled to unit length, like ``att`` of the xlsa17 files. A fifth of the rows
    of each seen class, evenly spaced in scikit-learn's order, is test_seen; all rows of the unseen
    classes are test_unseen.
    """
    from sklearn import datasets

    pixels, digits = datasets.load_digits(return_X_y=True)
    features, labels = pixels.astype(np.float32), digits.astype(np.int64)
    table = stroke_table()
    semantics = table / np.linalg.norm(table, axis=1, keepdims=True)
    unseen = np.isin(labels, UNSEEN)
    trainval, test_seen = hold_out(labels, np.flatnonzero(~unseen), share=0.2)
    return Dataset(
        name="digits",
        features_name="pixels",
        semantics_name="strokes",
        features=features,
        labels=labels,
        semantics=semantics,
        class_names=_NAMES,
        split=Split("fixed", trainval, test_seen, np.flatnonzero(unseen)),
        content=content_fingerprint(features, labels, semantics),
        pretraining="none",
    )
