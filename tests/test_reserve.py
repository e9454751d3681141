"""Files whose space on the disk is taken when they are created."""

from __future__ import annotations

import errno
import os

import pytest

from gzslbench.files import reserve


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
@pytest.mark.parametrize("supported", [True, False])
def test_a_file_of_zeros_takes_its_space(tmp_path, monkeypatch, size, supported):
    if not supported:

        def refuse(*_):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    file = tmp_path / "file"
    reserve(file, size)
    assert file.read_bytes() == bytes(size)
    assert file.stat().st_blocks * 512 >= size


def test_a_system_without_the_call_writes_zeros(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    reserve(tmp_path / "file", 10)
    assert (tmp_path / "file").read_bytes() == bytes(10)


def test_a_full_disk_is_the_error_of_the_system(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(OSError, match="No space left"):
        reserve(tmp_path / "file", 10)
