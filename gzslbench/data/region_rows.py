"""Rows of region features, read from their file when they are needed.

Regions of a dataset are often larger than the memory. So a view has ``RegionRows`` in place of a tensor: a
batch, or a part of an evaluation, reads the rows that it needs. It holds no array of all rows, so the test
rows of the same file are not within a method's reach.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, replace
from io import FileIO
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.errors import DataError, ParamError

PREPROCESSINGS = ("none", "l2")
"""How regions can be scaled. The others are fitted on the columns of all training rows."""
_DEVICE_SHARE = 0.2
"""Share of a GPU's memory, used or free, that the regions of one part of the split may take.

It does not depend on what else runs there, because rows of a tensor are drawn by the GPU, others by the CPU.
"""


@dataclass(frozen=True)
class RegionRows:
    """Rows of regions in a file, as float32 on a device.

    Attributes:
        file: Open for reading.
        offset: Where the first of all rows begins, in bytes.
        region_shape: ``(R, d)`` of one row.
        dtype: float16 or float32.
        rows: ``(n,)`` int64 numbers of rows in the file, on the CPU.
        device: Where the rows that are read go.
        preprocessing: ``none``, or ``l2``, which gives each region unit length.
    """

    file: FileIO
    offset: int
    region_shape: tuple[int, int]
    dtype: np.dtype[Any]
    rows: Tensor
    device: torch.device
    preprocessing: str = "none"

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(n, R, d)``."""
        return (len(self.rows), *self.region_shape)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: slice) -> Tensor: ...

    @overload
    def __getitem__(self, index: Tensor) -> RegionRows: ...

    def __getitem__(self, index: slice | Tensor) -> Tensor | RegionRows:
        """Read a slice as ``(m, R, d)`` float32 on the device; rows chosen by number stay unread."""
        if isinstance(index, slice):
            positions = torch.arange(len(self.rows))[index]
            return scale(self.take(positions).to(self.device).float(), self.preprocessing)
        return replace(self, rows=self.rows[index.to("cpu")])

    def take(self, positions: Tensor) -> Tensor:
        """Read ``(B,)`` rows as they are stored: ``(B, R, d)`` on the CPU.

        Raises:
            DataError: The file has become shorter, or cannot be read.
        """
        read = np.empty((len(positions), *self.region_shape), dtype=self.dtype)
        size = read[:1].nbytes
        for target, row in zip(read, self.rows[positions].tolist(), strict=True):
            try:
                done = os.preadv(self.file.fileno(), [target], self.offset + row * size)
            except OSError as error:
                fix = "check the disk, and continue with --resume"
                raise DataError(f"regions cannot be read: {error}", where=self.file.name, fix=fix) from error
            if done != size:
                what = f"the file ends within the regions of row {row + 1}"
                raise DataError(what, where=self.file.name, fix="restore it, or extract the features again")
        return torch.from_numpy(read)

    def followed_by(self, other: RegionRows) -> RegionRows:
        """Return these rows, then those of ``other``, which are of the same file."""
        return replace(self, rows=torch.cat([self.rows, other.rows]))


def scale(regions: Tensor, preprocessing: str) -> Tensor:
    """Scale ``(n, R, d)`` float32 regions in place."""
    if preprocessing == "l2":
        regions /= torch.linalg.vector_norm(regions, dim=2, keepdim=True).clamp_min(1e-12)
    return regions


class RegionReader:
    """Makes the features of each view from ``(N, R, d)`` regions.

    Regions in memory become a tensor. Those of a file become ``RegionRows``, unless they fit into a share of
    a GPU's memory.
    """

    def __init__(self, regions: NDArray[Any], preprocessing: str, device: torch.device) -> None:
        """Take all regions of a dataset.

        Raises:
            ParamError: The preprocessing is not one for regions.
        """
        if preprocessing not in PREPROCESSINGS:
            what = f"regions cannot be scaled by {preprocessing}"
            raise ParamError(what, where="--preprocessing", fix=f"choose one of {', '.join(PREPROCESSINGS)}")
        self.regions = regions
        self.preprocessing = preprocessing
        self.device = device
        self._file: FileIO | None = None
        self._offset = 0
        base: Any = regions.base
        if isinstance(regions, np.memmap) and isinstance(base, mmap.mmap):
            self._file, self._offset = FileIO(str(regions.filename)), regions.offset

    def rows(self, rows: NDArray[np.int64]) -> Tensor | RegionRows:
        """Return the features of these rows for a view."""
        _, *shape = self.regions.shape
        size = 4 * len(rows) * shape[0] * shape[1]
        device = self.device
        memory = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0
        if self._file is None or size < _DEVICE_SHARE * memory:
            read = torch.from_numpy(np.asarray(self.regions[rows], dtype=np.float32)).to(self.device)
            return scale(read, self.preprocessing)
        return RegionRows(
            self._file,
            self._offset,
            (shape[0], shape[1]),
            self.regions.dtype,
            torch.from_numpy(rows),
            self.device,
            self.preprocessing,
        )
