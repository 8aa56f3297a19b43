"""Definitions of the project's own source with everything that they use, as the text of one file.

What is taken is what stands in the files: functions, classes and constants at the top level of the package's modules,
and the imports of everything from outside. A class that has the name of its base is torch's (`explorer/layers.py`), and
is imported from there instead. Of a function that chooses between layers, the choices that are never made are left out.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from itertools import zip_longest
from typing import Any
from unicodedata import east_asian_width

import torch.nn

PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` where the name is empty; `alias` where it is called otherwise."""

    module: str
    name: str = ""
    alias: str = ""


@dataclass
class Gathered:
    """What has been taken so far: each definition after those that it uses."""

    imports: set[Import] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)  # from which module a name was taken
    layers: frozenset[type] = frozenset()  # the classes that the network has layers of

    def take(self, *things: Any) -> None:
        """Takes functions or classes of the package, and what they use."""
        for thing in things:
            self._take_name(thing.__module__, thing.__name__)

    def _take_name(self, module: str, name: str) -> None:
        if is_torch(getattr(import_module(module), name)):
            self.imports.add(Import("torch.nn", name))
            return
        home = self.homes.setdefault(name, module)
        if home != module:
            raise ValueError(f"{name} is defined in {home} and in {module}; one file can hold only one of them")
        if name in self.constants or name in self.definitions:
            return
        file = parsed(module)
        if name not in file.defined:
            raise ValueError(f"{module} does not define {name} at its top level")
        node, text = self._chosen(module, *file.defined[name])
        for used in sorted(names_in(node) - {name}):
            if used in file.imported:
                self._take_import(file.imported[used])
            elif used in file.defined:
                self._take_name(module, used)
            elif not hasattr(builtins, used) and used not in bound_in(node):
                raise ValueError(f"{module}.{name} uses {used}, which is neither imported nor defined there")
        kept = self.definitions if isinstance(node, ast.FunctionDef | ast.ClassDef) else self.constants
        kept[name] = text

    def _chosen(self, module: str, node: ast.stmt, text: str) -> tuple[ast.stmt, str]:
        """A definition without what it has for other networks or for the package alone.

        Of a function that are the lines `if …: return Layer(…)` for layers that the network has none of; of a class the
        methods that speak of what is imported for its type alone.
        """
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            return node, text
        space, for_types = vars(import_module(module)), parsed(module).for_types
        lines = dict(enumerate(text.splitlines(), start=first_line(node)))
        kept: list[ast.stmt] = []
        for one, following in zip_longest(node.body, node.body[1:]):
            if isinstance(node, ast.FunctionDef):
                made = returned(one, space)
                left_out = made is not None and made not in self.layers
            else:
                left_out = bool(names_in(one) & for_types)
            if not left_out:
                kept.append(one)
                continue
            for number in range(first_line(one), first_line(following) if following else (one.end_lineno or 0) + 1):
                del lines[number]
        chosen = type(node)(**{**dict(ast.iter_fields(node)), "body": kept})
        return ast.copy_location(chosen, node), "\n".join(lines.values()).rstrip()

    def _take_import(self, found: Import) -> None:
        if found.module.partition(".")[0] != PACKAGE:
            self.imports.add(found)
        else:
            origin = getattr(getattr(import_module(found.module), found.name), "__module__", found.module)
            self._take_name(origin if origin.partition(".")[0] == PACKAGE else found.module, found.name)


@dataclass(frozen=True)
class File:
    """A module's top level: what it defines, with its text, and what it imports, by name."""

    defined: dict[str, tuple[ast.stmt, str]]
    imported: dict[str, Import]
    for_types: set[str]  # imported under `if TYPE_CHECKING`


@lru_cache(maxsize=64)
def parsed(module: str) -> File:
    """The top level of a module of the package."""
    text = inspect.getsource(sys.modules.get(module) or import_module(module))
    lines = text.splitlines()
    defined: dict[str, tuple[ast.stmt, str]] = {}
    imported: dict[str, Import] = {}
    for_types: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            imported |= {one.asname or one.name: Import(one.name, "", one.asname or "") for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                imported[one.asname or one.name] = Import(node.module or "", one.name, one.asname or "")
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node, "\n".join(lines[first_line(node) - 1 : node.end_lineno])
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for_types |= {one.name for part in node.body if isinstance(part, ast.ImportFrom) for one in part.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    defined[target.id] = node, "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return File(defined, imported, for_types)


def first_line(node: ast.stmt) -> int:
    """Where a definition begins, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def returned(node: ast.stmt, space: dict[str, object]) -> type | None:
    """The class of module that `if …: return Layer(…)` returns an instance of; None for any other statement."""
    if not (isinstance(node, ast.If) and not node.orelse and len(node.body) == 1):
        return None
    [only] = node.body
    if not (isinstance(only, ast.Return) and isinstance(only.value, ast.Call)):
        return None
    called = only.value.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        found = getattr(space.get(called.value.id), called.attr, None)
    else:
        found = space.get(called.id) if isinstance(called, ast.Name) else None
    return found if isinstance(found, type) and issubclass(found, torch.nn.Module) else None


def names_in(node: ast.stmt) -> set[str]:
    """The names that a definition reads, those that it binds itself left out where they are its arguments."""
    read = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}
    return {name for name in read if name not in bound_in(node)}


def bound_in(node: ast.stmt) -> set[str]:
    """The names that a definition binds: arguments, variables, and functions inside it."""
    bound: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.arg):
            bound.add(one.arg)
        elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            bound.add(one.id)
        elif isinstance(one, ast.FunctionDef) and one is not node:
            bound.add(one.name)
    return bound


def is_torch(thing: object) -> bool:
    """Whether a class stands for the one of torch that has its name."""
    return (
        isinstance(thing, type)
        and issubclass(thing, torch.nn.Module)
        and getattr(torch.nn, thing.__name__, None) in thing.__mro__
    )


def import_lines(imports: Iterable[Import]) -> str:
    """The lines of imports, the standard library before torch, sorted as isort does."""
    modules: dict[str, list[Import]] = {}
    for one in imports:
        modules.setdefault(one.module if one.name else f"import {one.module} {one.alias}", []).append(one)
    blocks: dict[bool, list[tuple[tuple[bool, str], str]]] = {True: [], False: []}
    for found in modules.values():
        module = found[0].module
        if found[0].name:
            names = ", ".join(_renamed(one.name, one.alias) for one in sorted(found, key=lambda one: _rank(one.name)))
            line = f"from {module} import {names}"
        else:
            line = f"import {_renamed(module, found[0].alias)}"
        standard = module.partition(".")[0] in sys.stdlib_module_names
        blocks[standard].append(((bool(found[0].name), module), line))
    return "\n\n".join("\n".join(line for _, line in sorted(block)) for block in blocks.values() if block)


def _renamed(name: str, alias: str) -> str:
    return f"{name} as {alias}" if alias and alias != name else name


def _rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def clean(text: str, most: int = 40) -> str:
    """A person's words as they may stand in a comment or docstring of one line: nothing that ends it or hides there.

    No controls, line separators or marks that turn the direction of writing; at most so many columns of a terminal.
    """
    kept = " ".join(visible(text).replace("\\", "/").replace('"', "'").replace("#", " ").split())
    while columns(kept) > most:
        kept = kept[:-1].rstrip()
    return kept


def visible(text: str) -> str:
    """The text with a space for every control, line separator or mark that turns the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def columns(text: str) -> int:
    """How wide a terminal shows it."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def begun(sentence: str, most: int = 120) -> str:
    """How a docstring begins whose first line says this, a person's own words in it whole: quotes are escaped.

    Where that is wider than a line may be, it goes on behind a backslash, which the docstring itself does not have.
    """
    signs = [f"\\{letter}" if letter in '\\"' else letter for letter in visible(sentence)]
    lines, line = [], '"""'
    while columns(line + "".join(signs)) > most:
        fits = max(end for end in range(1, len(signs)) if columns(line + "".join(signs[:end])) < most)
        # behind a space if there is one; no line begins with what could be taken for its margin or for a comment
        ends = [end for end in range(1, fits + 1) if signs[end] not in " #"]
        end = max((end for end in ends if signs[end - 1] == " "), default=max(ends, default=fits))
        lines.append(line + "".join(signs[:end]) + "\\")
        line, signs = "", signs[end:]
    return "\n".join([*lines, line + "".join(signs)])
