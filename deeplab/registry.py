"""Registries: objects of one kind, looked up by exact name and imported on demand."""

from __future__ import annotations

import contextlib
import difflib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """The members of one kind ("backbone", "loss", ...), by name.

    The modules that define the members are listed where the registry is created, one
    line each, and imported at the first lookup. Adding a member takes one new file and
    one new line.
    """

    def __init__(self, kind: str, package: str, modules: Sequence[str]):
        """Creates a registry of `kind` for the `modules` of `package`."""
        self.kind = kind
        self._package = package
        self.modules = tuple(modules)
        self._members: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Returns a decorator that registers its target as `name`.

        Raises:
          ValueError: the name is already registered.
        """

        def add(member: T) -> T:
            if name in self._members:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._members[name] = member
            return member

        return add

    def get(self, name: str) -> T:
        """Returns the member called `name`.

        Raises:
          ValueError: the name is unknown; the message suggests the closest ones.
        """
        self._load()
        if name not in self._members:
            near = difflib.get_close_matches(name, self._members, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else "known: "
            hint += "" if near else ", ".join(self.names())
            raise ValueError(f"unknown {self.kind} {name!r}; {hint}")
        return self._members[name]

    @contextlib.contextmanager
    def replaced(self, name: str, member: T) -> Iterator[None]:
        """Replaces the member `name` by another while the block runs.

        Raises:
          ValueError: the name is unknown.
        """
        before = self.get(name)
        self._members[name] = member
        try:
            yield
        finally:
            self._members[name] = before

    def names(self) -> list[str]:
        """Returns all names, sorted."""
        self._load()
        return sorted(self._members)

    def _load(self) -> None:
        if not self._loaded:
            for module in self.modules:
                importlib.import_module(f"{self._package}.{module}")
            self._loaded = True
