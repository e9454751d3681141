from __future__ import annotations

import shutil
import subprocess

import pytest

from gzslbench_benchmarks.commit import commit_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def git(tmp_path):
    """Calls git in a repository of one commit, which tracks package/module.py and notes.txt."""

    def call(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        command = ["git", *identity, *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    (tmp_path / "package").mkdir()
    for name in ("package/module.py", "notes.txt"):
        (tmp_path / name).write_text("first")
    call("init", "--quiet")
    call("add", ".")
    call("commit", "--quiet", "--message", "first")
    return call


@pytest.mark.acceptance
def test_an_unchanged_checkout_is_at_its_commit_with_untracked_files_too(git, tmp_path):
    (tmp_path / "package" / "untracked.py").touch()
    assert commit_of(tmp_path / "package" / "module.py") == git("rev-parse", "HEAD")


@pytest.mark.acceptance
@pytest.mark.parametrize("changed", ["package/module.py", "notes.txt"])
def test_a_tracked_file_that_changed_anywhere_is_marked(git, tmp_path, changed):
    (tmp_path / changed).write_text("second")
    assert commit_of(tmp_path / "package" / "module.py") == git("rev-parse", "HEAD") + "+"


@pytest.mark.acceptance
def test_the_commit_of_an_installed_package_is_unknown_even_inside_a_repository(git, tmp_path):
    installed = tmp_path / "venv" / "module.py"
    installed.parent.mkdir()
    installed.touch()
    assert commit_of(installed) is None


@pytest.mark.acceptance
def test_outside_of_a_repository_the_commit_is_unknown(tmp_path):
    (tmp_path / "module.py").touch()
    assert commit_of(tmp_path / "module.py") is None


@pytest.mark.acceptance
def test_without_git_the_commit_is_unknown(git, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path / "package" / "module.py") is None
