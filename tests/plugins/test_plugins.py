from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from gzslbench.errors import PluginError
from gzslbench.plugins import registry as module
from gzslbench.plugins.registry import Plugins, every_entry, is_own

METHOD = """
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params

@hookimpl
def gzslbench_methods():
    return [MethodSpec({name!r}, "Mine", "A, B 2020", "https://x", Params, "mine:Mine")]
"""
Write = Callable[..., EntryPoint]


@pytest.fixture
def write(tmp_path: Path, monkeypatch) -> Write:
    """Write a plugin module and give its entry point."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name: str, code: str, kind: str = "methods") -> EntryPoint:
        file = f"plugin_{name}_{len(list(tmp_path.glob('*.py')))}"
        (tmp_path / f"{file}.py").write_text(code)
        return EntryPoint(name, file, f"gzslbench.{kind}")

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


def loaded(found: Plugins) -> set[str]:
    return {name.split("_")[1] for name, _ in found.manager.list_name_plugin()}


def test_the_methods_of_this_distribution_are_listed() -> None:
    assert {"ce-gzsl", "f-clswgan"} <= set(Plugins(every_entry()).methods())


def test_finding_a_method_loads_only_the_plugin_of_its_name(write: Write) -> None:
    here = Plugins([write("mine", METHOD.format(name="mine")), write("other", "raise RuntimeError")])
    assert here.method("mine").title == "Mine"
    assert loaded(here) == {"mine"}


def test_threads_that_list_at_the_same_time_all_find_every_plugin(write: Write, recwarn) -> None:
    wait = "import time\ntime.sleep(0.02)\n"
    here = Plugins([write(name, wait + METHOD.format(name=name)) for name in ("one", "two", "three")])
    before = sys.stdout
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: sorted(here.methods()), range(8)))
    assert found == [["one", "three", "two"]] * 8
    assert not here.errors and not recwarn.list
    assert sys.stdout is before


def test_a_method_of_another_name_than_its_plugin_is_found(write: Write) -> None:
    here = Plugins([write("collection", METHOD.format(name="mine"))])
    assert here.method("mine").title == "Mine"


def test_the_error_for_an_unknown_method_proposes_the_nearest(write: Write) -> None:
    here = Plugins([write("mine", METHOD.format(name="mine"))])
    with pytest.raises(PluginError, match="did you mean 'mine'"):
        here.method("mime")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", "implements no gzslbench hook"),
        ("raise RuntimeError('no licence')", "no licence"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        (
            "class Odd(BaseException): pass\nraise Odd('neither error nor exit')",
            "Odd: neither error nor exit",
        ),
        (
            "from gzslbench.plugins.hooks import hookimpl\n@hookimpl\ndef gzslbench_metods(): return []",
            "gzslbench_metods",
        ),
        (
            "from gzslbench.plugins.hooks import hookimpl\n@hookimpl\ndef gzslbench_methods(a): return []",
            "gzslbench_methods",
        ),
    ],
)
def test_a_broken_plugin_is_a_warning_and_the_others_work(write: Write, code: str, complaint: str) -> None:
    broken = write("broken", code)
    here = Plugins([broken, write("mine", METHOD.format(name="mine"))])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert set(here.methods()) == {"mine"}
    assert complaint in here.errors[broken.value]
    assert loaded(here) == {"mine"}
    with pytest.raises(PluginError, match="cannot be loaded"):
        here.method("broken")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("return 3", "not iterable"),
        ("return ['mine']", "not a MethodSpec"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_hook_that_fails_is_a_warning_and_the_others_work(write: Write, body: str, complaint: str) -> None:
    code = f"from gzslbench.plugins.hooks import hookimpl\n@hookimpl\ndef gzslbench_methods(): {body}"
    broken = write("broken", code)
    here = Plugins([broken, write("mine", METHOD.format(name="mine"))])
    with pytest.warns(RuntimeWarning, match="plugin 'broken'"):
        assert set(here.methods()) == {"mine"}
    assert complaint in here.errors[broken.value]


@pytest.mark.parametrize(
    ("text", "wrong", "complaint"),
    [
        ("'mine'", "None", "the name of None is None, not of the type str"),
        ("'mine'", "'../../mine'", "'../../mine' is not a name"),
        ("'mine'", "''", "'' is not a name"),
        ("'mine'", "'a' * 300", "is not a name"),
        ('"mine:Mine"', "None", "the load of 'mine' is None, not of the type str"),
        ('"mine:Mine"', "'../../mine'", "the load of 'mine' is '../../mine', not package.module:name"),
        ('"mine:Mine"', '"mine:Mine", version="2"', "the version of 'mine' is '2', not of the type int"),
        ("Params,", "3,", "the params of 'mine' are 3, not a subclass of Params"),
    ],
)
def test_a_spec_with_values_of_another_type_makes_a_plugin_broken(
    write: Write, text: str, wrong: str, complaint: str
) -> None:
    broken = write("broken", METHOD.format(name="mine").replace(text, wrong, 1))
    here = Plugins([broken, write("other", METHOD.format(name="other"))])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert set(here.methods()) == {"other"}
    assert complaint in here.errors[broken.value]


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("setting", "Transductive", "'mine' has the unknown setting 'Transductive'; known: inductive"),
        ("setting", None, "'mine' has the unknown setting None"),
        ("kind", "generativ", "'mine' has the unknown kind 'generativ'; known: generative, scoring"),
    ],
)
def test_an_unknown_setting_or_kind_makes_a_plugin_broken(
    write: Write, field: str, value: object, complaint: str
) -> None:
    code = METHOD.format(name="mine").replace('"mine:Mine"', f'"mine:Mine", {field}={value!r}')
    broken = write("broken", code)
    here = Plugins([broken, write("other", METHOD.format(name="other"))])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert set(here.methods()) == {"other"}
    assert complaint in here.errors[broken.value]
    with pytest.raises(PluginError, match=f"the unknown {field}"):
        here.method("broken")


def test_a_source_of_semantics_that_is_no_text_makes_a_plugin_broken(write: Write) -> None:
    code = METHOD.format(name="mine").replace("methods", "datasets").replace("method", "dataset")
    spec = 'DatasetSpec("mine", "Mine", sources={"sent": ("a", "b")})'
    code = code.replace("MethodSpec", "DatasetSpec")
    code = code[: code.index("    return")] + f"    return [{spec}]\n"
    here = Plugins([write("mine", code, "datasets")])
    with pytest.warns(RuntimeWarning, match="not of the type Mapping"):
        assert here.datasets() == {}


FOLDER = """
from pathlib import Path
from gzslbench.plugins.hooks import hookimpl
@hookimpl
def gzslbench_published(): return [{folder}]
"""


def test_the_folders_of_published_numbers_of_every_plugin_are_listed(write: Write, tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    found = [
        write(name, FOLDER.format(folder=f"Path({str(tmp_path / name)!r})"), "published")
        for name in ("b", "a")
    ]
    assert Plugins(found).published() == [tmp_path / "b", tmp_path / "a"]
    (ours,) = Plugins(entry for entry in every_entry() if is_own(entry)).published()
    assert list(ours.glob("ce-gzsl.toml"))


@pytest.mark.parametrize("folder", ["Path('/no/such/folder')", "Path(__file__)", "'/tmp'", "None"])
def test_a_value_that_is_not_a_folder_is_a_warning(write: Write, folder: str) -> None:
    broken = write("broken", FOLDER.format(folder=folder), "published")
    here = Plugins([broken, write("mine", METHOD.format(name="mine"))])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert here.published() == []
    assert "not a" in here.errors[broken.value]
    assert set(here.methods()) == {"mine"}


def test_a_plugin_is_warned_about_once(write: Write, recwarn) -> None:
    here = Plugins([write("broken", "raise RuntimeError")])
    for _ in range(3):
        here.methods()
    assert len(recwarn) == 1


def test_of_two_plugins_of_one_name_the_first_is_kept(write: Write) -> None:
    first, second = write("mine", METHOD.format(name="mine")), write("mine", "raise RuntimeError")
    with pytest.warns(RuntimeWarning, match="same name"):
        here = Plugins([first, second])
    assert here.method("mine").title == "Mine"
    assert here.errors.get(first.value) is None
    assert "same name" in (here.errors.get(second.value) or "")


def test_a_third_party_cannot_take_the_name_of_a_method_of_ours(write: Write) -> None:
    thief = METHOD.format(name="ce-gzsl").replace("Mine", "Not CE-GZSL")
    here = Plugins([*every_entry(), write("thief", thief)])
    with pytest.warns(RuntimeWarning, match="'ce-gzsl' is taken"):
        assert here.methods()["ce-gzsl"].title == "CE-GZSL"


def test_a_run_hook_gets_a_copy_and_cannot_change_the_record(write: Write) -> None:
    code = (
        "from gzslbench.plugins.hooks import hookimpl\n@hookimpl\ndef gzslbench_run_end(record): "
        "record.clear()"
    )
    record = {"H": 50.0}
    Plugins([write("changing", code, "hooks")]).notify("gzslbench_run_end", record=record)
    assert record == {"H": 50.0}


def test_a_run_hook_that_raises_is_a_warning(write: Write) -> None:
    code = (
        "from gzslbench.plugins.hooks import hookimpl\nseen = []\n@hookimpl\ndef gzslbench_run_end(record): "
    )
    failing = write("failing", code + "raise OSError('server gone')", "hooks")
    listening = write("listening", code + "seen.append(record)", "hooks")
    here = Plugins([failing, listening])
    with pytest.warns(RuntimeWarning, match="server gone"):
        here.notify("gzslbench_run_end", record="the record")
    assert here.manager.get_plugin(listening.value).seen == ["the record"]


@pytest.mark.parametrize(
    ("value", "third_parties"),
    [(None, {"mine", "yours"}), ("", set()), ("mine", {"mine"}), (" yours , mine", {"mine", "yours"})],
)
def test_the_environment_restricts_third_party_plugins(
    write: Write, monkeypatch, value: str | None, third_parties: set[str]
) -> None:
    own = every_entry()
    found = EntryPoints([*own, *(write(name, METHOD.format(name=name)) for name in ("mine", "yours"))])
    monkeypatch.setattr(module, "entry_points", lambda: found)
    if value is None:
        monkeypatch.delenv(module.SWITCH, raising=False)
    else:
        monkeypatch.setenv(module.SWITCH, value)
    module.plugins.cache_clear()
    ours = {entry.name for entry in own if is_own(entry) and entry.group == "gzslbench.methods"}
    try:
        assert set(module.plugins().entries["methods"]) == ours | third_parties
    finally:
        module.plugins.cache_clear()


@pytest.fixture
def expand(tmp_path: Path, monkeypatch) -> Callable[[EntryPoint], list[EntryPoint]]:
    """Return what the registry finds where only one entry point is installed."""
    monkeypatch.syspath_prepend(tmp_path)

    def expand(entry: EntryPoint) -> list[EntryPoint]:
        monkeypatch.setattr(module, "entry_points", lambda: EntryPoints([entry]))
        return every_entry()

    yield expand
    for name in [name for name in sys.modules if name.partition(".")[0] == "collected"]:
        del sys.modules[name]


def test_a_star_stands_for_every_folder_with_presets(tmp_path: Path, expand) -> None:
    for folder, presets in (("my_first", True), ("second", True), ("shared", False)):
        place = tmp_path / "collected" / folder
        place.mkdir(parents=True)
        (place / "__init__.py").write_text(METHOD.format(name=folder.replace("_", "-")))
        (place / "defaults.toml").write_text("") if presets else None
    found = expand(EntryPoint("*", "collected", "gzslbench.methods"))
    assert [(entry.name, entry.value, entry.group) for entry in found] == [
        ("my-first", "collected.my_first", "gzslbench.methods"),
        ("second", "collected.second", "gzslbench.methods"),
    ]
    here = Plugins(found)
    assert here.method("second").name == "second"
    assert "collected.second" in sys.modules and "collected.my_first" not in sys.modules
    assert set(here.methods()) == {"my-first", "second"}


def test_a_star_for_a_package_that_is_not_there_is_a_warning(expand) -> None:
    here = Plugins(expand(EntryPoint("*", "collected", "gzslbench.methods")))
    with pytest.warns(RuntimeWarning, match="No module named 'collected'"):
        assert here.methods() == {}


def test_methods_that_a_star_stands_for_belong_to_the_distribution_of_the_star() -> None:
    (entry,) = [entry for entry in every_entry() if entry.name == "ce-gzsl"]
    assert is_own(entry) and entry.value == "gzslbench_methods.ce_gzsl"


def test_listing_one_kind_imports_nothing_of_another(write: Write) -> None:
    here = Plugins(
        [write("mine", METHOD.format(name="mine")), write("other", "raise RuntimeError", "datasets")]
    )
    assert set(here.methods()) == {"mine"}
    assert loaded(here) == {"mine"} and not here.errors


HEAD = (
    METHOD.format(name="mine")
    + """
from gzslbench.plugins.head import HeadSpec
@hookimpl
def gzslbench_heads():
    return [HeadSpec("mine", "Mine", "A, B 2020", "https://x", Params, "mine:Mine")]
"""
)


def test_a_module_in_two_groups_is_registered_once_and_offers_both(write: Write) -> None:
    method = write("mine", HEAD)
    here = Plugins([method, EntryPoint("of-mine", method.value, "gzslbench.heads")])
    assert set(here.methods()) == set(here.heads()) == {"mine"}
    assert len(here.manager.get_plugins()) == 1 and not here.errors


def test_a_group_whose_hook_is_missing_is_a_warning(write: Write) -> None:
    mine = write("mine", METHOD.format(name="other"))
    here = Plugins([mine, EntryPoint("mine", mine.value, "gzslbench.heads")])
    assert set(here.methods()) == {"other"}
    with pytest.warns(RuntimeWarning, match="is left out"):
        assert here.heads() == {}
    assert "in the group gzslbench.heads, but has no hook gzslbench_heads" in here.errors[mine.value]


def test_every_name_of_the_package_is_imported_when_it_is_used() -> None:
    import gzslbench.plugins as package

    source = ast.parse(Path(package.__file__).read_text())
    blocks = [node for node in source.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.name: node.module for node in imports for alias in node.names}
    assert typed == {name: f"{package.__name__}.{module}" for name, module in package._MODULE_OF.items()}
    assert all(getattr(package, name) is not None for name in typed)
    with pytest.raises(AttributeError, match="nothing"):
        package.nothing  # noqa: B018


def test_the_run_hook_of_a_method_is_called_once_the_method_is_loaded(write: Write) -> None:
    code = (
        METHOD.format(name="mine")
        + "\nseen = []\n@hookimpl\ndef gzslbench_run_end(record): seen.append(record)"
    )
    mine = write("mine", code)
    here = Plugins([mine, write("other", "raise RuntimeError")])
    here.notify("gzslbench_run_end", record="missed")
    here.method("mine")
    here.notify("gzslbench_run_end", record="heard")
    assert here.manager.get_plugin(mine.value).seen == ["heard"] and not here.errors


HOOK = """
import sys
from gzslbench.plugins.hooks import hookimpl

print("imported")

@hookimpl
def gzslbench_run_start(run):
    print("started")
    sys.exit(0)
"""


def test_a_run_hook_that_exits_is_a_warning_and_what_plugins_print_is_no_output(write: Write, capsys) -> None:
    here = Plugins([write("leaving", HOOK, "hooks")])
    with pytest.warns(RuntimeWarning, match="plugin 'leaving' missed something: .* SystemExit: 0"):
        here.notify("gzslbench_run_start", run=None)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.split() == ["imported", "started"]


@pytest.mark.parametrize("code", ["raise SystemExit(0)", "class Mine: pass", "raise BaseException('odd')"])
def test_a_class_that_cannot_be_imported_names_its_plugin(write: Write, code: str) -> None:
    entry = write("mine", code)
    with pytest.raises(PluginError, match="'mine' cannot be loaded") as caught:
        module.load_object(f"{entry.value}:Other", "mine")
    assert caught.value.where == f"{entry.value}:Other"


@pytest.mark.parametrize("load", ["os:getpid", "builtins:dict", "json:dumps", "sys:path", "mine:Narrow"])
def test_what_cannot_be_called_as_its_kind_is_called_names_its_plugin(write: Write, load: str) -> None:
    entry = write("mine", "class Narrow:\n    def __init__(self, view): pass\n")
    with pytest.raises(PluginError, match="'mine' cannot be loaded") as caught:
        module.load_object(load.replace("mine", entry.value), "mine", ("view", "params"))
    assert "called with (view, params)" in str(caught.value.fix)


def test_a_class_with_optional_parameters_can_be_loaded(write: Write) -> None:
    entry = write("mine", "class Wide:\n    def __init__(self, view, params, more=1): pass\n")
    assert module.load_object(f"{entry.value}:Wide", "mine", ("view", "params")).__name__ == "Wide"


@pytest.mark.parametrize("raised", ["ValueError('no text')", "SystemExit(0)"])
def test_an_error_whose_text_cannot_be_written_is_named_by_its_type(write: Write, raised: str) -> None:
    mute = write("mute", f"class Mute(Exception):\n    def __str__(self): raise {raised}\nraise Mute")
    here = Plugins([mute, write("mine", METHOD.format(name="mine"))])
    with pytest.warns(RuntimeWarning, match="plugin 'mute' is left out: Mute, whose text raises"):
        assert set(here.methods()) == {"mine"}


@pytest.mark.parametrize("code", ["warnings.warn('old')", "raise RuntimeError"])
def test_a_plugin_that_makes_warnings_errors_is_left_out_with_a_warning(write: Write, code: str) -> None:
    strict = write("strict", f"import warnings\nwarnings.simplefilter('error')\n{code}")
    here = Plugins([strict, write("mine", METHOD.format(name="mine"))])
    with pytest.warns(RuntimeWarning, match="plugin 'strict' is left out"):
        assert set(here.methods()) == {"mine"}


@pytest.mark.parametrize("share", ["'x'", "None", "-0.5", "2", "float('nan')"])
def test_a_share_of_a_gpu_is_a_number_from_0_to_1(write: Write, share: str) -> None:
    code = METHOD.format(name="mine").replace('"mine:Mine"', f'"mine:Mine", gpu_share={share}')
    broken = write("broken", code)
    here = Plugins([broken])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert here.methods() == {}
    assert "the gpu_share of 'mine' is" in here.errors[broken.value]


@pytest.mark.parametrize(
    ("field", "value"),
    [("archives", "5"), ("archives", "(5,)"), ("expected", "5"), ("sources", "5"), ("features", "5")],
)
def test_a_dataset_with_a_field_of_another_type_makes_a_plugin_broken(
    write: Write, field: str, value: str
) -> None:
    code = (
        "from gzslbench.plugins import DatasetSpec, hookimpl\n@hookimpl\ndef gzslbench_datasets():"
        f" return [DatasetSpec('mine', 'Mine', 'mine:load', {field}={value})]"
    )
    broken = write("broken", code, "datasets")
    here = Plugins([broken])
    with pytest.warns(RuntimeWarning, match="plugin 'broken' is left out"):
        assert here.datasets() == {}
    assert f"the {field} of 'mine' is {value}, not of the type" in here.errors[broken.value]
