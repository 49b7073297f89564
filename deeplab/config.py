"""Reads experiment configs: textproto files, their parent configs, and overrides."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from deeplab.core.remote_path import beside, read_text, tidy
from deeplab.protos import config_pb2, dataset_pb2
from deeplab.read_tracker import is_repeated

# Training writes this file to the run folder, and an export to the model's folder.
CONFIG_FILE = "config.textproto"

_DATASET_SECTIONS = ("train_dataset_options", "eval_dataset_options")


class ConfigError(ValueError):
    """An invalid config. The message says where, what is wrong, and what to do."""


def read_config(
    path: str | Path, overrides: Iterable[str] = ()
) -> config_pb2.ExperimentOptions:
    """Reads a textproto config, merges it over its parent, and applies overrides.

    The content of a `dataset_description_file` is copied into `dataset_description`,
    so the result is self-contained.

    Args:
      path: path of the textproto file, local or remote (gs://...).
      overrides: assignments such as `train_dataset_options.batch_size=4`; separate
        the values of a repeated field by commas.

    Raises:
      ConfigError: a file is missing, does not parse, or sets an unknown field, or an
        override is invalid.
    """
    path = tidy(path)
    config = _read_with_parent(path)
    for assignment in overrides:
        _apply_override(config, assignment)
    _inline_descriptions(config, path)
    return config


def parse_config(text: str, source: str = "config") -> config_pb2.ExperimentOptions:
    """Parses the text of a config without a parent.

    Args:
      text: an ExperimentOptions textproto.
      source: name of the text in error messages.

    Raises:
      ConfigError: the text does not parse or sets an unknown field.
    """
    config = config_pb2.ExperimentOptions()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise ConfigError(_explain(error, source)) from error
    return config


def shipped_config(relative: str | Path) -> Path:
    """Returns the path of a config shipped with the package, in a wheel or a checkout.

    Args:
      relative: path relative to `configs/`.

    Raises:
      ConfigError: the config does not exist.
    """
    package = Path(__file__).parent
    for root in (package, package.parent):
        path = root / "configs" / relative
        if path.is_file():
            return path
    raise ConfigError(f"configs/{relative} is not part of this installation")


def to_text(config: Message) -> str:
    """Returns a config as a textproto that parses back to an equal config."""
    return text_format.MessageToString(config, print_unknown_fields=False)


def _read_with_parent(path: str) -> config_pb2.ExperimentOptions:
    config = parse_config(_read_text(path), path)
    if not config.HasField("base_config"):
        return config
    parent_path = beside(path, config.base_config)
    parent = parse_config(_read_text(parent_path), parent_path)
    if parent.HasField("base_config"):
        raise ConfigError(
            f"{parent_path}: a parent config must have no base_config of its own; "
            f"{path} names it as its parent"
        )
    config.ClearField("base_config")
    _merge(config, parent)
    return parent


def _read_text(path: str) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot read the config: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (byte {error.start})") from error


def _merge(source: Message, target: Message) -> None:
    """Merges `source` over `target`; repeated fields are replaced, not extended."""
    for field, value in source.ListFields():
        if is_repeated(field):
            target.ClearField(field.name)
            getattr(target, field.name).MergeFrom(value)
        elif field.message_type is not None:
            _merge(value, getattr(target, field.name))
            getattr(target, field.name).SetInParent()
        else:
            setattr(target, field.name, value)


def _apply_override(config: Message, assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    if not equals:
        raise ConfigError(f"override {assignment!r}: write path.to.field=value")
    *parents, name = path.strip().split(".")
    message = config
    for parent in parents:
        field = _field(message.DESCRIPTOR, parent, f"override {assignment!r}")
        if field.message_type is None or is_repeated(field):
            raise ConfigError(f"override {assignment!r}: {parent} has no fields")
        message = getattr(message, parent)
        message.SetInParent()
    field = _field(message.DESCRIPTOR, name, f"override {assignment!r}")
    if field.message_type is not None:
        raise ConfigError(
            f"override {assignment!r}: {name} is a message; set one of its fields: "
            f"{', '.join(field.message_type.fields_by_name)}"
        )
    message.ClearField(name)
    items = text.split(",") if is_repeated(field) else [text]
    literal = "\n".join(f"{name}: {_literal(field, item)}" for item in items if item)
    try:
        text_format.Merge(literal, message)
    except text_format.ParseError as error:
        kind = _TYPE_NAMES.get(field.cpp_type, "text")
        raise ConfigError(f"override {assignment!r}: {text!r} is not {kind}") from error


_TYPE_NAMES = {
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_INT32: "a whole number",
    FieldDescriptor.CPPTYPE_FLOAT: "a number",
}


def _literal(field: FieldDescriptor, text: str) -> str:
    is_text = field.cpp_type == FieldDescriptor.CPPTYPE_STRING
    return json.dumps(text, ensure_ascii=False) if is_text else text.strip()


def _inline_descriptions(config: Message, config_path: str) -> None:
    for section in _DATASET_SECTIONS:
        options = getattr(config, section)
        if not options.dataset_description_file:
            continue
        path = beside(config_path, options.dataset_description_file)
        if options.HasField("dataset_description"):
            raise ConfigError(
                f"{section}: give dataset_description or dataset_description_file, "
                "not both"
            )
        options.dataset_description.CopyFrom(_read_description(path))
        options.ClearField("dataset_description_file")


def _read_description(path: str) -> dataset_pb2.DatasetDescription:
    try:
        content = json.loads(_read_text(path))
        if isinstance(content, dict):
            # The config already names the data set.
            content.pop("name", None)
        return json_format.ParseDict(content, dataset_pb2.DatasetDescription())
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except json_format.ParseError as error:
        raise ConfigError(f"{path}: {error}") from error


def description_dict(description: Message) -> Mapping[str, Any]:
    """Returns the set fields of a `DatasetDescription` message as a dict."""
    return json_format.MessageToDict(description, preserving_proto_field_name=True)


def _explain(error: text_format.ParseError, source: str) -> str:
    line, column = error.GetLine(), error.GetColumn()
    message = re.sub(r"^\d+:\d+ : ", "", str(error))
    message = re.sub(r"^'.*?': ", "", message)
    unknown = re.search(r'type "([\w.]+)" has no field named "([\w.]+)"', message)
    if unknown:
        descriptor = config_pb2.DESCRIPTOR.pool.FindMessageTypeByName(unknown[1])
        message = _unknown_field(descriptor, unknown[2])
    return f"{source}:{line}:{column}: {message}"


def _field(descriptor: Any, name: str, where: str) -> FieldDescriptor:
    if name not in descriptor.fields_by_name:
        raise ConfigError(f"{where}: {_unknown_field(descriptor, name)}")
    return descriptor.fields_by_name[name]


def _unknown_field(descriptor: Any, name: str) -> str:
    near = difflib.get_close_matches(name, descriptor.fields_by_name, n=1, cutoff=0.5)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "it has: " + ", ".join(descriptor.fields_by_name)
    )
    return f"{descriptor.name} has no field {name!r}; {hint}"
