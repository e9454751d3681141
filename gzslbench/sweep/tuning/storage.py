"""The file of a study: which endings it may have, and how optuna opens it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.errors import GzslBenchError, ParamError, StoreError
from gzslbench.files import drop_torn_line, writing

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNALS = (".journal", ".log")
DATABASES = (".db", ".sqlite", ".sqlite3")
DATABASE_TIMEOUT_S = 120.0
"""Time that a writer of a database waits for the others."""
_FIRST_BYTES = b'{"op_code"'


def require_optuna() -> None:
    """Check that optuna is installed, without importing it.

    Raises:
        GzslBenchError: It is not installed.
    """
    if find_spec("optuna") is None:
        what = "tuning needs optuna, which is not installed"
        raise GzslBenchError(what, fix="pip install 'gzslbench[tune]'")


def check_ending(path: Path) -> None:
    """Check that the ending of a study's file says whether it is a journal or a database.

    Raises:
        ParamError: It does not.
    """
    if path.suffix not in (*JOURNALS, *DATABASES):
        raise ParamError(
            f"a file of a study cannot end in {path.suffix!r}",
            where=f"--study {path}",
            fix=f"a journal ends in {' or '.join(JOURNALS)}, a database in {' or '.join(DATABASES)}",
        )


def open_storage(path: Path) -> BaseStorage:
    """Open the file of a study, or create it.

    Raises:
        ParamError: The ending is not known.
        StoreError: The file cannot be read or written, or is not of a study.
    """
    from optuna.exceptions import StorageInternalError
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    check_ending(path)
    with writing(path, "the study cannot be opened"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        with path.open("rb") as file:
            first = file.read(len(_FIRST_BYTES))
    if path.suffix in JOURNALS and not _FIRST_BYTES.startswith(first):
        raise _not_a_study(path, "its first line is not one of a journal")
    try:
        if path.suffix in DATABASES:
            engine = {"connect_args": {"timeout": DATABASE_TIMEOUT_S}}
            return RDBStorage(f"sqlite:///{path}", engine_kwargs=engine)
        lock = JournalFileOpenLock(str(path))
        lock.acquire()
        try:
            drop_torn_line(path)  # optuna would append the next line to it, and refuse both
        finally:
            lock.release()
        return JournalStorage(JournalFileBackend(str(path), lock))
    except (ValueError, KeyError, StorageInternalError) as error:
        raise _not_a_study(path, error) from error
    except Exception as error:  # what the database raises for a file of something else
        if type(error).__module__.startswith("sqlalchemy"):
            raise _not_a_study(path, error) from error
        raise


def _not_a_study(path: Path, reason: object) -> StoreError:
    what = f"the file is not of a study: {str(reason).partition(chr(10))[0]}"
    return StoreError(what, where=path, fix="restore it from a copy, or name another file with --study")
