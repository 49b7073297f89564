"""Writes shards with Apache Beam, on this machine or on many.

https://beam.apache.org. Each shard is one element of the pipeline, so it is written by
the same code as on a single machine. The folders of the raw data and of the output must
have the same path on every machine.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplab.data.shard_file import Shard, note_path, read_note, write_noted_shard
from deeplab.datasets.base import RawImage


class BeamRunner:
    """Runs the conversion on a Beam runner."""

    def __init__(self, name: str, options: Sequence[str] = ()):
        """Creates the Beam runner of the given name.

        Args:
          name: name of a runner, such as "DirectRunner" or "FlinkRunner".
          options: pipeline options, "name=value" or "name".

        Raises:
          ValueError: Beam is not installed, or has no such runner.
        """
        self._beam = _beam()
        flags = [f"--runner={name}", *(f"--{option}" for option in options)]
        self._options = self._beam.options.pipeline_options.PipelineOptions(flags)
        self._pipeline_runner = self._beam.runners.create_runner(name)

    def __call__(self, todo: Mapping[Path, Sequence[RawImage]]) -> Iterator[Shard]:
        """Writes the shards, given as path -> images, and yields them at the end.

        Raises:
          ValueError: an image is corrupt or does not match its label. Runners that do
            not pass on the type of an error raise OSError instead.
          OSError: a file cannot be read or written, or the runner failed.
        """
        beam = self._beam
        elements = [(str(path.resolve()), list(part)) for path, part in todo.items()]
        pipeline = beam.Pipeline(runner=self._pipeline_runner, options=self._options)
        _ = (
            pipeline
            | "Shards" >> beam.Create(elements)
            | "Spread" >> beam.Reshuffle()
            | "Write" >> beam.MapTuple(write_noted_shard)
        )
        try:
            state = pipeline.run().wait_until_finish()
        except RuntimeError as error:
            # The worker's traceback; its last line is the actual error.
            lines = str(error).strip().splitlines() or ["no reason was given"]
            raise OSError(f"the pipeline failed: {lines[-1]}") from error
        if state != beam.runners.runner.PipelineState.DONE:
            raise OSError(f"the pipeline ended in state {state}; run it again")
        for path in todo:
            yield read_note(note_path(path))


def _beam() -> Any:
    try:
        return importlib.import_module("apache_beam")
    except ModuleNotFoundError as error:
        raise ValueError(
            "this runner needs Apache Beam: pip install 'deeplab[beam]'"
        ) from error
