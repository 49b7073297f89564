"""Records which fields of a config are read, so that unused ones can be refused.

To callers, a tracked message looks like the message itself. After everything has been
built, `unread_fields` lists the fields that the user set but nothing read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def tracked(message: M) -> M:
    """Returns a proxy of a message that records which of its fields are read."""
    return cast(M, _Tracker(message))


def untracked(message: M) -> M:
    """Returns the message behind a tracked one and marks all of its fields as read.

    A message that is not tracked is returned unchanged.
    """
    tracker: object = message
    return cast(M, tracker.read_all()) if isinstance(tracker, _Tracker) else message


def unread_fields(message: Message, sections: Iterable[str]) -> list[str]:
    """Returns the paths of the fields of a tracked message that are set but unread.

    Args:
      message: a message that `tracked` returned.
      sections: top-level fields to check.

    Raises:
      TypeError: the message is not tracked.
    """
    tracker: object = message
    if not isinstance(tracker, _Tracker):
        raise TypeError("the message is not tracked; pass the result of tracked()")
    wanted = set(sections)
    return [path for path in tracker.unread() if path.split(".")[0] in wanted]


class _Tracker:
    def __init__(self, message: Message, path: str = "", read: set[str] | None = None):
        self._message = message
        self._path = path
        self._read: set[str] = set() if read is None else read

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._message, name)
        field = self._message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            return value
        path = _join(self._path, name)
        if field.message_type is None:
            self._read.add(path)
            return value
        if is_repeated(field):
            return [
                _Tracker(item, f"{path}[{i}]", self._read)
                for i, item in enumerate(value)
            ]
        return _Tracker(value, path, self._read)

    def read_all(self) -> Message:
        self._read.update(_set_fields(self._message, self._path))
        return self._message

    def unread(self) -> list[str]:
        fields = _set_fields(self._message, self._path)
        return [path for path in fields if path not in self._read]


def is_repeated(field: Any) -> bool:
    """Returns whether a field of a message is repeated."""
    # `label` is deprecated in newer runtimes, and older ones lack `is_repeated`.
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return field.label == FieldDescriptor.LABEL_REPEATED


def _set_fields(message: Message, path: str) -> Iterator[str]:
    for field, value in message.ListFields():
        place = _join(path, field.name)
        if field.message_type is None:
            yield place
        elif is_repeated(field):
            for i, item in enumerate(value):
                yield from _set_fields(item, f"{place}[{i}]")
        else:
            yield from _set_fields(value, place)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
