"""Methods whose class a program gave to ``gzslbench.register``: no package has them, only this process.

The code of such a class is part of the identity of its runs, so that no run is taken for one of changed code.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from gzslbench.errors import PluginError

CODE: dict[str, str] = {}
"""By the sha256 of the code, the code of every class that was registered in this process."""
_CLASSES: dict[str, type[Any]] = {}
_GENERATED = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__replace__")
"""Functions that ``dataclass`` writes; a class with no others is known by its values."""
_OURS = ("gzslbench", "gzslbench_methods", "gzslbench_features", "gzslbench_benchmarks")


def __getattr__(name: str) -> Any:
    """Return the class whose code has this sha256, which a ``MethodSpec.load`` names."""
    if name not in _CLASSES:
        raise AttributeError(f"no class with the code {name} was registered in this process")
    return _CLASSES[name]


def keep_class(cls: type[Any], params: type[Any]) -> str:
    """Keep a class of this process; return the sha256 of its code, of ``params``, and of what they use."""
    code = read_code(cls, params)
    digest = hashlib.sha256(code.encode()).hexdigest()
    CODE[digest], _CLASSES[digest] = code, cls
    return digest


def read_code(*objects: Any) -> str:
    """Return the text of classes and functions, and of what they use that no installed package has.

    Those are their bases, other classes and functions, constants, and whole modules. What installed packages
    have is imported at the top of the text.

    Raises:
        PluginError: The text of one cannot be read, or the content of a variable is not known.
    """
    imports: set[str] = set()
    texts: dict[object, str] = {}  # by identity; variables by their text
    waiting = list(objects)
    while waiting:
        found = waiting.pop(0)
        if id(found) in texts:
            continue
        texts[id(found)] = text = _text_of(found)
        for name, value in _used_by(found, text):
            if isinstance(value, ModuleType):
                if _is_installed(value.__name__):
                    own = value.__name__
                    imports.add(f"import {own}" + f" as {name}" * (name != own))
                else:
                    texts[id(value)] = Path(str(value.__file__)).read_text(encoding="utf-8")
            elif isinstance(value, BuiltinFunctionType) or _is_installed(_module_of(value)):
                own = value.__qualname__
                imports.add(f"from {value.__module__} import {own}" + f" as {name}" * (name != own))
            elif _module_of(value):
                waiting.append(value)
            else:
                line = f"{name} = {_content_of(name, value, found)}"
                texts[line] = line
    return "\n".join([*sorted(imports), "", *texts.values()])


def _used_by(found: Any, text: str) -> Iterator[tuple[str, Any]]:
    """Yield by name what a text uses of the variables around it, and the bases of a class."""
    functions = _functions_of(found)
    module = sys.modules.get(found.__module__)
    scope = dict(functions[0].__globals__ if functions else vars(module) if module else {})
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # the variable has no value yet
                scope[name] = cell.cell_contents
    named = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    bases = {base.__name__: base for base in getattr(found, "__bases__", ()) if base is not object}
    used = {name: scope[name] for name in named & scope.keys()} | bases
    yield from sorted(used.items())


def _module_of(value: Any) -> str:
    """Return the module of a class or a function; empty for anything else."""
    return str(value.__module__) if isinstance(value, (type, FunctionType)) else ""


def _functions_of(found: Any) -> list[FunctionType]:
    """Return a function itself, or the functions that a class defines."""
    members = [found] if isinstance(found, FunctionType) else list(vars(found).values())
    inner = (getattr(member, "__func__", getattr(member, "fget", member)) for member in members)
    return [function for function in inner if isinstance(function, FunctionType)]


def _is_installed(module: str) -> bool:
    """Return whether a module is of the standard library, of gzslbench, or of another installed package."""
    top = module.partition(".")[0]
    if top in (*_OURS, "builtins") or (loaded := sys.modules.get(top)) is None or top == "__main__":
        return top in (*_OURS, "builtins")
    library = sysconfig.get_path("stdlib")
    path = Path(getattr(loaded, "__file__", None) or library)
    return path.is_relative_to(library) or "site-packages" in path.parts or "dist-packages" in path.parts


def _text_of(found: Any) -> str:
    """Return the text of a class or a function, also of one in a cell of a notebook."""
    try:
        return _class_in_cell(found) or textwrap.dedent(inspect.getsource(found))
    except (OSError, TypeError, SyntaxError) as error:
        if isinstance(found, type) and all(one.__name__ in _GENERATED for one in _functions_of(found)):
            about = dict(vars(found).get("__dataclass_fields__", {}))
            values = {**{name: one.default for name, one in about.items()}, **vars(found)}
            lines = [f"class {found.__name__}:", f"    {found.__doc__!r}"]
            for name in (name for name in values if not name.startswith("__")):
                metadata = dict(about[name].metadata) if name in about else ""
                lines.append(f"    {name} = {_content_of(name, values[name], found)}  # {metadata}")
            return "\n".join(lines)
        what = f"the code of {found.__qualname__} cannot be read: {error}"
        fix = "define it in a cell of a notebook or in a file, so that a changed method is noticed"
        raise PluginError(what, where=found.__module__, fix=fix) from error


def _class_in_cell(found: Any) -> str:
    """Return the text of a class by its functions: inspect finds these in notebooks, but no classes."""
    for function in _functions_of(found) if isinstance(found, type) else ():
        lines, at = linecache.getlines(function.__code__.co_filename), function.__code__.co_firstlineno
        for node in ast.walk(ast.parse("".join(lines))):
            if isinstance(node, ast.ClassDef) and node.name == found.__name__:
                start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if start <= at <= (node.end_lineno or start):
                    return textwrap.dedent("".join(lines[start - 1 : node.end_lineno]))
    return ""


def _content_of(name: str, value: Any, user: Any) -> str:
    """Return the content of a variable as text; arrays by their sha256."""
    if hasattr(value, "tobytes") or hasattr(value, "detach"):
        array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        return f"array {array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    text = repr(value)
    if " at 0x" in text:
        what = f"{user.__qualname__} uses {name!r}, whose content is not known: it is {text}"
        fix = f"create {name!r} inside the class, or make it a parameter"
        raise PluginError(what, where=user.__module__, fix=fix)
    return text
