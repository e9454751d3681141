from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest

from gzslbench import __version__
from gzslbench.cli import TARGETS, main
from gzslbench.cli.group import Target
from gzslbench.cli.options import json_option, print_json
from gzslbench.errors import DataError, InterruptedRunError

STOP = """
import os, signal, time
import click
from gzslbench.cli import TARGETS, main
from gzslbench.cli.group import Target

@click.command()
def stop():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

main.targets = {**TARGETS, "stop": Target("__main__:stop", "")}
main(["stop"])
"""

FAIL = """
import click
from gzslbench.cli import TARGETS, main
from gzslbench.cli.group import Target

@click.command()
def fail():
    raise ZeroDivisionError("a bug")

main.targets = {**TARGETS, "fail": Target("__main__:fail", "")}
main()
"""


@pytest.fixture
def fails_with(monkeypatch):
    """Make a command ``fail`` that raises what it is given."""

    def install(error: BaseException) -> None:
        @click.command()
        def fail() -> None:
            raise error

        monkeypatch.setattr(sys.modules[__name__], "fail", fail, raising=False)
        monkeypatch.setattr(main, "targets", {**TARGETS, "fail": Target(f"{__name__}:fail", "fails")})

    return install


def test_ctrl_c_before_a_command_begins_exits_130(invoke, monkeypatch) -> None:
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "make_context", interrupt)
    assert invoke("methods").exit_code == 130


def test_help_lists_every_command_and_teaches_the_first_three(invoke) -> None:
    done = invoke("--help")
    assert done.exit_code == 0
    for name, target in TARGETS.items():
        assert f"{name} " in done.output
        assert target.help in done.output
    assert done.output.index("gzslbench methods") < done.output.index("gzslbench run --method ce-gzsl")
    assert "gzslbench show" in done.output
    assert "_GZSLBENCH_COMPLETE" in done.output
    assert "Completion of commands, options and their choices" in done.output


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_listed_command_is_there(invoke, name: str) -> None:
    done = invoke(name, "--help")
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: main {name}")


def test_version_is_that_of_the_package(invoke) -> None:
    assert invoke("--version").output == f"gzslbench, version {__version__}\n"


def test_a_misspelled_command_is_answered_with_the_nearest(invoke) -> None:
    done = invoke("metods")
    assert done.exit_code == 2
    assert "did you mean 'methods'?" in done.stderr


def test_an_error_of_the_user_has_no_traceback(invoke, fails_with) -> None:
    fails_with(DataError("labels out of range", where="a.mat: labels", fix="count from 1"))
    done = invoke("fail")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == "Error: labels out of range\n  where: a.mat: labels\n  to do: count from 1\n"


def test_a_bug_keeps_its_traceback(invoke, fails_with) -> None:
    fails_with(ZeroDivisionError("a bug"))
    done = invoke("fail")
    assert done.exit_code == 1
    assert isinstance(done.exception, ZeroDivisionError)


@pytest.mark.acceptance
def test_a_process_with_a_bug_ends_with_a_status_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FAIL, "fail"], capture_output=True, text=True)
    assert done.returncode == 70
    assert "Traceback" in done.stderr and "ZeroDivisionError: a bug" in done.stderr


def test_a_stopped_run_says_how_to_continue(invoke, fails_with) -> None:
    fails_with(InterruptedRunError("run a was stopped", fix="--resume"))
    done = invoke("fail")
    assert done.exit_code == 130
    assert "--resume" in done.stderr


@pytest.mark.acceptance
def test_ctrl_c_ends_with_130() -> None:
    done = subprocess.run([sys.executable, "-c", STOP], capture_output=True, text=True)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.acceptance
@pytest.mark.parametrize("arguments", ["gzslbench ", "gzslbench met"])
def test_the_shell_can_complete_commands(arguments: str) -> None:
    environment = {
        **os.environ,
        "_GZSLBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": arguments,
        "COMP_CWORD": "1",
    }
    command = [sys.executable, "-m", "gzslbench"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "plain,methods" in done.stdout.splitlines()


@pytest.mark.acceptance
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    "command", [("methods", "cada-vae"), ("data", "verify", "digits"), ("tune", "--help")]
)
def test_a_terminal_that_cannot_show_a_sign_is_no_error(encoding, command):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "gzslbench", *command], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(
    ("code", "did", "where"),
    [
        ("sys.exit(0)", "called sys.exit(0)", "this_plugin.py, line 2"),
        ("raise BaseException", "raised <class 'BaseException'>", "this_plugin.py, line 2"),
        ("exec('raise GeneratorExit')", "raised <class 'GeneratorExit'>", "<string>, line 1"),
    ],
)
def test_a_sys_exit_of_other_code_is_an_error_that_names_it(invoke, monkeypatch, code, did, where) -> None:
    @click.command()
    def leave() -> None:
        import this_plugin

        this_plugin.leave()

    plugin = types.ModuleType("this_plugin")
    exec(compile(f"import sys\ndef leave(): {code}", "this_plugin.py", "exec"), vars(plugin))
    monkeypatch.setitem(sys.modules, "this_plugin", plugin)
    monkeypatch.setattr(sys.modules[__name__], "leave", leave, raising=False)
    monkeypatch.setattr(main, "targets", {**TARGETS, "leave": Target(f"{__name__}:leave", "leaves")})
    done = invoke("leave")
    assert done.exit_code == 2
    assert f"this_plugin {did}" in done.stderr
    assert f"where: {where}" in done.stderr


def test_with_json_only_json_is_in_the_output(invoke, monkeypatch) -> None:
    @click.command()
    @json_option()
    def noisy(as_json: bool) -> None:
        print("a library prints")  # noqa: T201
        print_json({"a": 1}, indent=None)

    monkeypatch.setattr(sys.modules[__name__], "noisy", noisy, raising=False)
    monkeypatch.setattr(main, "targets", {**TARGETS, "noisy": Target(f"{__name__}:noisy", "prints")})
    done = invoke("noisy", "--json")
    assert (done.stdout, done.stderr) == ('{"a": 1}\n', "a library prints\n")
    assert invoke("noisy").stdout == 'a library prints\n{"a": 1}\n'


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "memory ran out: MemoryError"),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            "memory ran out: libtorch",
        ),
        (ModuleNotFoundError("No module named 'optuna'", name="optuna.trial"), "gzslbench[tune]"),
        (ModuleNotFoundError("No module named 'PIL'", name="PIL"), "to do: pip install 'gzslbench[images]'"),
        (OSError(errno.ENOSPC, "No space left on device"), "a file cannot be written: No space left"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "File name too long\n  where: xxx"),
        (PermissionError(errno.EACCES, "Permission denied", "closed"), "Permission denied\n  where: closed"),
        (OSError(errno.EMFILE, "Too many open files", "a"), "raise the limit (ulimit -n)"),
        (OSError(errno.EMFILE, "Too many open files"), "raise the limit (ulimit -n)"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "the current folder has been removed"),
    ],
)
def test_what_the_system_lacks_is_a_message(invoke, fails_with, error, message) -> None:
    fails_with(error)
    done = invoke("fail")
    assert done.exit_code == 2
    assert message in done.stderr and "to do: " in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'nothing'", name="nothing"),
        FileNotFoundError(2, "no", "a"),
        OSError("no"),
    ],
)
def test_other_errors_of_the_system_keep_their_traceback(invoke, fails_with, error) -> None:
    fails_with(error)
    assert invoke("fail").exception is error


@pytest.mark.acceptance
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist here")
@pytest.mark.parametrize("command", ["methods --json", "methods", "--help", "data show digits"])
def test_output_to_a_full_device_is_an_error_in_one_message(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gzslbench", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: the output cannot be written: No space left on device")
    assert done.stderr.count("Error") == 1
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.acceptance
def test_files_do_not_get_the_numbers_of_closed_streams(tmp_path: Path) -> None:
    show = "import os, sys; from gzslbench.cli import main\nmain(['--version'], standalone_mode=False)\n"
    show += f"open({str(tmp_path / 'number')!r}, 'w').write(str(os.open(os.devnull, os.O_RDONLY)))"
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", show]
    subprocess.run(words, check=False, timeout=60)
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.acceptance
def test_what_other_code_writes_to_the_first_descriptor_is_no_output() -> None:
    show = "import json, os, sys\nfrom gzslbench.cli import main\nplain = json.dumps\n"
    show += "def loud(*given, **how):\n    os.system('echo a child'); os.write(1, b'a library')\n"
    show += "    return plain(*given, **how)\njson.dumps = loud\nmain()"
    done = subprocess.run([sys.executable, "-c", show, "methods", "--json"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)
    assert "a child" in done.stderr and "a library" in done.stderr


@pytest.mark.acceptance
def test_ctrl_c_while_the_process_ends_shows_no_traceback() -> None:
    late = "import atexit, os, time\natexit.register(lambda: os.kill(os.getpid(), 2) or time.sleep(60))"
    words = [sys.executable, "-c", f"{late}\nfrom gzslbench.cli import main\nmain()", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.acceptance
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist here")
def test_messages_that_cannot_be_written_do_not_end_a_run(tmp_path: Path) -> None:
    words = f"run --method eszsl --dataset digits --json --results {tmp_path}"
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "gzslbench", *words.split()]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["cell"]["method"] == "eszsl"
    assert len(list(tmp_path.glob("*/record.json"))) == 1


@pytest.mark.acceptance
def test_a_current_folder_that_was_removed_is_an_error_in_one_message(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from gzslbench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == "Error: the current folder has been removed\n  to do: change to another folder\n"
