"""The schemas against the published ones, descriptor by descriptor."""

import importlib
import json
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor

FILES = ["config", "dataset", "evaluator", "model", "trainer"]
PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "parity/records/schema.json").read_text()
)["messages"]
OWN_FIELDS_FROM = 100
TYPES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_STRING: "string",
}


def name_of(descriptor):
    return descriptor.full_name.removeprefix("deeplab.")


def all_messages():
    def walk(descriptors):
        for descriptor in descriptors:
            yield name_of(descriptor), descriptor
            yield from walk(descriptor.nested_types)

    for file in FILES:
        module = importlib.import_module(f"deeplab.protos.{file}_pb2")
        yield from walk(module.DESCRIPTOR.message_types_by_name.values())


MESSAGES = dict(all_messages())


def is_repeated(field):
    if hasattr(field, "is_repeated"):
        return field.is_repeated
    return field.label == FieldDescriptor.LABEL_REPEATED


def description(field):
    """Returns a field as the record describes it."""
    if field.message_type is not None:
        kind = name_of(field.message_type)
    else:
        kind = TYPES[field.type]
    result = {
        "name": field.name,
        "number": field.number,
        "type": kind,
        "repeated": is_repeated(field),
    }
    if field.has_default_value:
        result["default"] = field.default_value
    if field.containing_oneof is not None:
        result["oneof"] = field.containing_oneof.name
    return result


def test_published_fields_are_unchanged():
    ours = {
        message: {
            f.name: description(f)
            for f in MESSAGES[message].fields
            if f.number < OWN_FIELDS_FROM
        }
        for message in PUBLISHED
    }
    published = {m: {f["name"]: f for f in fields} for m, fields in PUBLISHED.items()}
    changed = [
        f"{message}.{name}: {ours[message].get(name)}, published {field}"
        for message in PUBLISHED
        for name, field in (published[message] | ours[message]).items()
        if ours[message].get(name) != published[message].get(name)
    ]
    assert not changed, "\n".join(changed)


def test_field_numbers_are_free_of_the_published_ones():
    taken = [
        f"{message}.{field.name} = {field.number}"
        for message, descriptor in MESSAGES.items()
        for field in descriptor.fields
        if field.number >= OWN_FIELDS_FROM
        and field.number in {f["number"] for f in PUBLISHED.get(message, [])}
    ]
    assert not taken, "\n".join(taken)
    for message, fields in PUBLISHED.items():
        own = [f for f in MESSAGES[message].fields if f.number >= OWN_FIELDS_FROM]
        assert len(MESSAGES[message].fields) == len(own) + len(fields), message


def test_proto2_so_that_unset_differs_from_zero():
    field = MESSAGES["DatasetOptions"].fields_by_name["resize_factor"]
    assert field.has_presence
