"""Damage to the content of files: bytes, JSON, TOML and tables of text."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
Random = np.random.Generator
Mutation = Callable[[bytes, Random], bytes]

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 2**31, 2**63, -(2**63), 2**64, 10**400, 0.5, -0.0, 1e308, 5e-324),
    *(float("nan"), float("inf"), -float("inf"), "", " ", "0", "1", "nan", "none", "last", "val", "default"),
    *("..", "../../elsewhere", "/etc/passwd", "a/b", "a\0b", "\ud800", "\u202e", "é" * 300, "x" * 100_000),
    *([], {}, [None], [[]], [0] * 1000, {"": None}, {"a": {"b": []}}, {"x": 1, "y": "z"}, [{}], [1, "a"]),
)
"""What a field may get instead of its value."""


def pick(random: Random, options: Sequence[T]) -> T:
    """Return one of the options."""
    return options[int(random.integers(len(options)))]


def mutate_bytes(content: bytes, random: Random) -> bytes:
    """Change one to four places of a file."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        if not data:
            return bytes(data)
        at = int(random.integers(len(data)))
        size = int(min(len(data) - at, 2 ** random.integers(0, 12)))
        match int(random.integers(12)):
            case 0 | 1 | 2:
                data[at] ^= 1 << int(random.integers(8))
            case 3 | 4:
                data[at] = int(random.integers(256))
            case 5:
                del data[at:]
            case 6:
                data[at:at] = random.bytes(size)
            case 7:
                del data[at : at + size]
            case 8:
                data[at : at + size] = bytes(size)
            case 9:
                data[at : at + size] = b"\xff" * size
            case 10:
                place, huge = at - at % 4, pick(random, [0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1])
                data[place : place + 4] = huge.to_bytes(4, pick(random, ["little", "big"]))
            case 11:
                other = int(random.integers(len(data)))
                data[at : at + size] = data[other : other + size]
    return bytes(data)


def mutate_tree(tree: Any, random: Random) -> Any:
    """Return the JSON values with one to three of them replaced, removed, renamed, repeated or swapped."""
    tree = json.loads(json.dumps(tree))
    for _ in range(int(random.integers(1, 4))):
        places = list(find_places(tree))
        if not places:
            return _value(random)
        holder, key = pick(random, places)
        match int(random.integers(10)):
            case 0 if isinstance(holder, dict):
                holder[_text(random)] = holder.pop(key)
            case 0 | 1:
                del holder[key]
            case 2:
                other, its = pick(random, places)
                copies = json.dumps([other[its], holder[key]])  # one may contain the other
                holder[key], other[its] = json.loads(copies)
            case 3 if isinstance(holder[key], list):
                holder[key] *= 2
            case 4 if type(holder[key]) in (int, float) and abs(holder[key]) < 1e300:
                holder[key] = holder[key] * pick(random, [-1, 0.5, 2, 1e9, 1 + 1e-9])
            case 5 if type(holder[key]) in (int, float):
                holder[key] += pick(random, [-1, 1])
            case 6 if isinstance(holder[key], str):
                text = list(holder[key])
                at = int(random.integers(len(text) + 1))
                text[at : at + int(random.integers(2))] = _text(random)[:20]
                holder[key] = "".join(text)
            case 7 if isinstance(holder[key], (int, float, str)):
                holder[key] = pick(random, [[holder[key]], {"value": holder[key]}, str(holder[key])])
            case _:
                holder[key] = _value(random)
    return tree


def mutate_json(content: bytes, random: Random) -> bytes:
    """Change values of a JSON text, or now and then its bytes."""
    if random.random() < 0.2:
        return mutate_text(content, random)
    return json.dumps(mutate_tree(json.loads(content), random)).encode()


def mutate_text(content: bytes, random: Random) -> bytes:
    """Change the bytes of a text, its encoding or its depth."""
    match int(random.integers(8)):
        case 0:
            return content.decode(errors="replace").encode(pick(random, ["utf-16", "utf-8-sig", "utf-32"]))
        case 1:
            depth = pick(random, [100, 2_000, 200_000])
            at = int(random.integers(len(content) + 1))
            return content[:at] + pick(random, [b"[", b'{"a":', b"(", b"a."]) * depth + content[at:]
        case 2:
            at = int(random.integers(len(content) + 1))
            return content[:at] + pick(random, [b"NaN", b"-1", b"1e999", b"null", b'"', b"\0"]) + content[at:]
        case _:
            return mutate_bytes(content, random)


def mutate_lines(content: bytes, random: Random) -> bytes:
    """Change lines of a text: TOML, a class list or a table."""
    if random.random() < 0.2:
        return mutate_text(content, random)
    lines = content.decode().split("\n")
    for _ in range(int(random.integers(1, 4))):
        at, other = (int(number) for number in random.integers(len(lines), size=2))
        line = lines[at]
        match int(random.integers(7)):
            case 0:
                lines[at : at + 1] = []
                lines = lines or [""]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at], lines[other] = lines[other], line
            case 3 | 4 if "=" in line:
                lines[at] = f"{line.partition('=')[0]}= {_toml(random)}"
            case 3 | 4:
                fields = line.split(",")
                fields[int(random.integers(len(fields)))] = _text(random)
                lines[at] = ",".join(fields)
            case 5:
                lines[at] = (
                    pick(random, ["[", "[[", ""]) + _text(random)[:50] + pick(random, ["]", "]]", " = 1"])
                )
            case _:
                lines[at] = mutate_bytes(line.encode(), random).decode(errors="replace")
    return "\n".join(lines).encode(errors="surrogatepass")


def _value(random: Random) -> Any:
    """Return a copy, which may be changed, of one of the values."""
    return json.loads(json.dumps(pick(random, VALUES)))


def _toml(random: Random) -> str:
    value = _value(random)
    if value is None:
        return pick(random, ["1979-05-27", "07:32:00", "{ a = 1 }", "[1, [2]]", "inf", "nan"])
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = 1" for key in value) + " }"
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")


def _text(random: Random) -> str:
    texts = [value for value in VALUES if isinstance(value, str) and value.isprintable()]
    return pick(random, texts)


def find_places(tree: Any) -> list[tuple[Any, Any]]:
    """Return the container and the key of each value at any depth, also of a tree that contains itself."""
    found: list[tuple[Any, Any]] = []
    known, waiting = set[int](), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (dict, list)) and id(node) not in known:
            known.add(id(node))
            found += [(node, key) for key in (node if isinstance(node, dict) else range(len(node)))]
            waiting += node.values() if isinstance(node, dict) else node
    return found


def mutate_npy(content: bytes, random: Random) -> bytes:
    """Change the header of an array, its numbers or its bytes."""
    end = content.find(b"\n") + 1
    head, body = content[:end], bytearray(content[end:])
    match int(random.integers(6)):
        case 0 | 1:
            return mutate_bytes(content, random)
        case 2:
            return head[:10] + mutate_bytes(head[10:], random) + body
        case 3:
            fields = head[10:].decode("latin-1")
            shape = pick(
                random, ["(10**12,)", "(1000000000000,)", "(-1,)", "()", "(True,)", "(2, 3, 4)", "'a'", "[1]"]
            )
            kind = pick(
                random, ["'<f8'", "'|O'", "'<U1000000000'", "'>i2'", "[('a', '<f8')]", "'<m8'", "''", "None"]
            )
            fields = pick(
                random,
                [re.sub(r"\(.*?\)", shape, fields), re.sub(r"'descr': '.*?'", f"'descr': {kind}", fields)],
            )
            fields = fields.replace("False", pick(random, ["False", "True", "0"]))
            return head[:8] + len(fields).to_bytes(2, "little") + fields.encode("latin-1") + body
        case 4 if len(body) >= 8:
            at = int(random.integers(len(body) // 8)) * 8
            number = pick(random, [float("nan"), float("inf"), -1.0, 1e308, 0.0, 1.5])
            packed = (
                np.array(number, "<f8")
                if random.random() < 0.5
                else np.array(random.integers(-(2**63), 2**63), "<i8")
            )
            body[at : at + 8] = packed.tobytes()
            return head + body
        case _:
            return head + mutate_bytes(bytes(body), random)


def mutate_zip(content: bytes, random: Random) -> bytes:
    """Change a member of an archive so that its checksum fits again, or the members' names."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    at = int(random.integers(len(members)))
    name, inner = members[at]
    match int(random.integers(10)):
        case 0:
            del members[at]
        case 1:
            members[at] = (
                pick(random, ["../" + name, "/" + name, name + "/x", "a" * 300, "", "\\..\\x", name[1:]]),
                inner,
            )
        case 2:
            members.append((name, mutate_bytes(inner, random)))
        case 3:
            members.append((pick(random, ["x", "x/y", "record.json", "é"]), b"\0" * 2**22))
        case _:
            members[at] = name, _mutation_of(name)(inner, random)
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", pick(random, [0, 8, 8, 8, 12])) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, inner in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), inner)
    return packed.getvalue()


def _mutation_of(name: str) -> Mutation:
    endings = {".npy": mutate_npy, ".json": mutate_json, ".jsonl": mutate_text, ".npz": mutate_zip}
    return next((mutation for ending, mutation in endings.items() if name.endswith(ending)), mutate_bytes)
