"""scikit-learn's handwritten digits as a small GZSL dataset: no download, trained on within seconds.

The semantics of a digit describe its strokes: the seven-segment code of a display, and fourteen facts
about the handwritten shape. They come from the shapes of the digits, not from the images. Unseen are 3 and
6, the pair whose strokes the other eight digits describe best: of all pairs, their semantics are nearest to
the span of the others' (the larger of the two distances counts). No image was used for this choice.
"""

from __future__ import annotations

import numpy as np

from gzslbench.data.dataset import Attributes, Dataset, Split, content_fingerprint, hold_out

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


def word_table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return a row for each stroke and a column for each word of their names: 1 if the name has the word."""
    names = [name.replace(":", "").split() for name in STROKES]
    words = sorted({word for name in names for word in name})
    return np.array([[float(word in name) for word in words] for name in names], dtype=np.float32)


def cut_out_places(
    pixels: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Return ``(N, 9, 64)``: for each of 3 x 3 places the image, with all but 4 x 4 pixels there set to 0."""
    images = pixels.reshape(-1, 8, 8)
    places = np.zeros((len(images), 9, 8, 8), dtype=np.float32)
    for place in range(9):
        row, column = (slice(2 * at, 2 * at + 4) for at in divmod(place, 3))
        places[:, place, row, column] = images[:, row, column]
    return places.reshape(len(images), 9, 64)


def load_digits() -> Dataset:
    """Return 1797 images of 8 x 8 pixels (0 to 16) in ten classes, with ``(10, 21)`` semantics of strokes.

    The rows of the semantics are scaled to unit length, like ``att`` of the xlsa17 files. A fifth of the rows
    of each seen class, evenly spaced in scikit-learn's order, is test_seen; all rows of the unseen
    classes are test_unseen. Regions are 3 x 3 overlapping parts of the image, and the vector of a stroke has
    a 1 for each word of its name.
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
        regions=cut_out_places(features),
        attributes=Attributes(tuple(STROKES), word_table()),
    )
