"""Build hook: compiles `protos/*.proto` into `deeplab/protos/` with type stubs.

Runs for wheels, source distributions and editable installs alike, so that no
step is left to the user and no generated file to the repository.
"""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProtoBuildHook(BuildHookInterface):
    """Generates `*_pb2.py` and `*_pb2.pyi` and adds them to the wheel."""

    def initialize(self, version: str, build_data: dict) -> None:
        """Compiles the schemas before the files of the build are collected."""
        del version
        compile_protos(Path(self.root))
        build_data["artifacts"] += [
            "deeplab/protos/*_pb2.py",
            "deeplab/protos/*_pb2.pyi",
        ]


def compile_protos(root: Path) -> None:
    """Compiles every schema of the tree at `root` in place.

    Raises:
      RuntimeError: a schema does not compile; the compiler has printed why.
    """
    # Imported here: only the isolated build environment has the compiler.
    from grpc_tools import protoc

    sources = sorted((root / "protos").glob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    status = protoc.main(
        [
            "protoc",
            f"-Ideeplab/protos={root / 'protos'}",
            f"-I{well_known}",
            f"--python_out={root}",
            f"--pyi_out={root}",
            *(f"deeplab/protos/{source.name}" for source in sources),
        ]
    )
    if status:
        raise RuntimeError(f"protoc failed with status {status} on {root / 'protos'}")
