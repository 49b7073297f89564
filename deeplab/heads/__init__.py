"""Heads: they turn the features of a backbone into the outputs of an architecture.

Each file defines a head and registers the architectures that use it:
`ARCHITECTURES.get(name)` is an `Architecture`.
"""

from deeplab.heads.architecture import Architecture
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.registry import Registry

ARCHITECTURES: Registry[Architecture] = Registry(
    "architecture",
    __name__,
    [
        "deeplab_v3",
        "deeplab_v3plus",
        "image_classifier",
        "max_deeplab",
        "motion_deeplab",
        "panoptic_deeplab",
        "vip_deeplab",
    ],
)

# Name of the message that selects an architecture by its registered name.
NAMED_MESSAGE = "segmentation_head"


def selected_architecture(options: ModelOptions) -> tuple[str, Architecture]:
    """Returns the name and the record of the architecture that a config selects.

    Raises:
      ValueError: no architecture is selected, or its name is unknown.
    """
    message = options.WhichOneof("meta_architecture")
    if message is None:
        fields = ModelOptions.DESCRIPTOR.oneofs_by_name["meta_architecture"].fields
        raise ValueError(
            "model_options: no architecture is set; add one of: "
            f"{', '.join(f'{f.name} {{}}' for f in fields)}"
        )
    if message == NAMED_MESSAGE:
        return _named(options.segmentation_head.name)
    for name in ARCHITECTURES.names():
        selection = ARCHITECTURES.get(name).selection
        if selection.message == message and selection.applies(options):
            return name, ARCHITECTURES.get(name)
    raise ValueError(f"model_options.{message}: no architecture is registered for it")


def _named(name: str) -> tuple[str, Architecture]:
    found = ARCHITECTURES.get(name)
    if found.selection.message != NAMED_MESSAGE:
        raise ValueError(
            f"model_options.{NAMED_MESSAGE}.name {name!r}: this architecture has its "
            f"own message; write {found.selection.message} {{}} instead"
        )
    return name, found
