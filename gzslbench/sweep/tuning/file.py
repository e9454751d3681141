"""The file that keeps a study: written by several processes at once, each of which may be killed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gzslbench.errors import ParamError, StoreError
from gzslbench.files import drop_torn_line, lock, writing

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.storages.journal import JournalFileOpenLock

JOURNALS = (".journal", ".log")
DATABASES = (".db", ".sqlite", ".sqlite3")
_FIRST = b'{"op_code"'
_BUSY = 120.0
"""Seconds that a writer of a database waits for the others."""


def open_study_file(path: Path) -> BaseStorage:
    """The storage in ``path``, made where it is missing; its name's ending says of which kind it is.

    Raises:
        ParamError: The ending is of no kind that there is.
        StoreError: It cannot be read or written, or is no such file.
    """
    from optuna.exceptions import StorageInternalError
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    check_ending(path)
    with writing(path, "the study cannot be opened"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        with path.open("rb") as file:
            begins = file.read(len(_FIRST))
    if path.suffix in JOURNALS and not _FIRST.startswith(begins):
        raise _no_study(path, ValueError("its first line is no journal's"))
    try:
        if path.suffix in JOURNALS:
            return JournalStorage(JournalFileBackend(str(path), _journal_lock(path)))
        connect = {"connect_args": {"timeout": _BUSY}}
        return RDBStorage(f"sqlite:///{path}", engine_kwargs=connect)
    except (ValueError, KeyError, StorageInternalError) as error:
        raise _no_study(path, error) from error
    except Exception as error:  # whatever the database says of a file that is none
        if type(error).__module__.startswith("sqlalchemy"):
            raise _no_study(path, error) from error
        raise


def check_ending(path: Path) -> None:
    """Refuse a name that tells no kind of file.

    Raises:
        ParamError: It does not.
    """
    if path.suffix not in (*JOURNALS, *DATABASES):
        raise ParamError(
            f"a study is kept in no file that ends in {path.suffix!r}",
            where=f"--study {path}",
            fix=f"a journal ends in {' or '.join(JOURNALS)}, a database in {' or '.join(DATABASES)}",
        )


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for the lock file ``path`` and hold it; the lock ends with the process, however it ends.

    Raises:
        StoreError: It cannot be made.
    """
    with ExitStack() as stack:
        with writing(path, "the study cannot be locked"):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lock(path, wait=True))
        yield


def beside(path: Path, what: str) -> Path:
    """The name of a file or folder that belongs to the study in ``path``."""
    return path.with_name(f"{path.name}.{what}")


def _journal_lock(path: Path) -> JournalFileOpenLock:
    from optuna.storages.journal import JournalFileOpenLock

    class Lock(JournalFileOpenLock):
        """Held by whoever writes; unlike optuna's own, no killed process leaves it behind."""

        file: IO[str] | None = None

        def acquire(self) -> bool:
            self.file = beside(path, "lock").open("a")
            fcntl.flock(self.file, fcntl.LOCK_EX)
            drop_torn_line(path)
            return True

        def release(self) -> None:
            if self.file is not None:
                self.file.close()
                self.file = None

    return Lock(str(path))


def _no_study(path: Path, error: Exception) -> StoreError:
    first = str(error).partition("\n")[0]
    return StoreError(
        f"no study can be read from it: {type(error).__name__}: {first}",
        where=path,
        fix="restore it from a copy, or name another with --study",
    )
