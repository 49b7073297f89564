"""What readers of weights and name maps promise; a new one is in its registry.

With a line in `SAMPLES`, a reader is tested on good files as well.
"""

import h5py
import numpy as np
import pytest
import tensorflow as tf

from deeplab.backbones import BACKBONES
from deeplab.core.specs import NormConfig
from deeplab.protos.model_pb2 import ModelOptions
from deeplab.weights.checkpoint_keys import SUFFIX, variables_by_key
from deeplab.weights.error import WeightsError
from deeplab.weights.layouts import Layout
from deeplab.weights.matching import match
from deeplab.weights.name_maps import NAME_MAPS
from deeplab.weights.name_maps.base import Candidate, ModelWeight
from deeplab.weights.readers import READERS, reader_of
from deeplab.weights.readers.base import StoredArray

ARRAYS = {
    "encoder/conv/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1),
    "encoder/conv/bias": np.array([-1.5, 2.5], np.float32),
    "scale": np.float32(3),
    "count": np.array([7, 8], np.int64),
    "half": np.array([0.5], np.float16),
}


def write_checkpoint(path):
    tf.raw_ops.SaveV2(
        prefix=path.removesuffix(".index"),
        tensor_names=list(ARRAYS),
        shape_and_slices=[""] * len(ARRAYS),
        tensors=[tf.constant(value) for value in ARRAYS.values()],
    )


def write_h5(path):
    with h5py.File(path, "w") as file:
        for key, value in ARRAYS.items():
            file[key] = value


# Reader -> function that writes ARRAYS to a file.
SAMPLES = {"keras_h5": write_h5, "tensorflow_checkpoint": write_checkpoint}


@pytest.fixture(params=READERS.names())
def sample(request, tmp_path):
    """A reader, and the path of a file of its format."""
    if request.param not in SAMPLES:
        pytest.skip("no file of this format can be written here")
    reader = READERS.get(request.param)()
    path = str(tmp_path / f"a{reader.suffix}")
    SAMPLES[request.param](path)
    return reader, path


@pytest.fixture(params=READERS.names())
def named(request, tmp_path):
    """A reader, and the path of a file that is called like one of its format."""
    reader = READERS.get(request.param)()
    path = tmp_path / f"a{reader.suffix}"
    path.touch()
    return reader, str(path)


def read_all(reader, path):
    with reader.open(path) as arrays:
        for array in arrays.values():
            array.read()


def test_arrays_are_listed_and_read(sample):
    reader, path = sample
    with reader.open(path) as arrays:
        assert set(arrays) == set(ARRAYS)
        for key, expected in ARRAYS.items():
            assert isinstance(arrays[key], StoredArray)
            assert arrays[key].shape == expected.shape
            assert arrays[key].dtype == expected.dtype
            value = arrays[key].read()
            assert value.dtype == expected.dtype
            np.testing.assert_array_equal(value, expected)
            # And once more.
            np.testing.assert_array_equal(arrays[key].read(), expected)


def test_a_path_has_one_reader(named):
    reader, path = named
    takers = [name for name in READERS.names() if READERS.get(name)().takes(path)]
    assert len(takers) == 1
    assert type(reader_of(path)) is type(reader)
    assert reader.forms


@pytest.mark.parametrize(
    "content", [b"", b"text\n", b"\x00" * 4096, bytes(range(256)) * 16]
)
def test_other_content_is_a_named_error(named, content):
    reader, path = named
    with open(path, "wb") as file:
        file.write(content)
    with pytest.raises(WeightsError) as error:
        read_all(reader, path)
    assert path in str(error.value)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_truncated_file_is_a_named_error(sample, share):
    reader, path = sample
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[: int(share * len(content))])
    with pytest.raises(WeightsError) as error:
        read_all(reader, path)
    assert path in str(error.value)


def test_absent_file_is_a_named_error(named):
    reader, path = named
    path = path.replace("a.", "absent.")
    with pytest.raises(WeightsError, match=r"absent.*no such.*; give "):
        reader.open(path).__enter__()


@pytest.mark.parametrize("name", ["absent", "absent.xyz", "there.xyz"])
def test_path_of_no_format_is_answered_with_all_formats(tmp_path, name):
    if name == "there.xyz":
        (tmp_path / name).write_bytes(b"something")
    there = name.startswith("there")
    problem = "unknown weight format" if there else "no such checkpoint"
    with pytest.raises(WeightsError, match=f"{problem}; give ") as error:
        reader_of(str(tmp_path / name))
    for format_name in READERS.names():
        assert READERS.get(format_name)().forms in str(error.value)


# One of each kind of names; a map has to know some weight of one of them.
BACKBONE_NAMES = ("mobilenet_v3_small", "tiny_moat0")
SMALL = {"backbone_width_multiplier": 0.25, "backbone_layer_multiplier": 0.5}


@pytest.fixture(scope="module")
def variables():
    """Those of a few backbones, a mapping of checkpoint key to variable for each."""
    found = []
    for name in BACKBONE_NAMES:
        options = ModelOptions(backbone={"name": name, **SMALL})
        backbone = BACKBONES.get(name)(options, NormConfig())
        backbone(tf.zeros([1, 64, 64, 3]))
        found.append(variables_by_key({"encoder": backbone}))
    return found


def weights_of(variables):
    return [
        ModelWeight(key.removesuffix(SUFFIX), variable.name)
        for key, variable in variables.items()
    ]


@pytest.fixture(params=NAME_MAPS.names())
def name_map(request):
    return NAME_MAPS.get(request.param)


def test_map_knows_some_weights_and_answers_the_same_again(name_map, variables):
    answers = 0
    for weight in [w for model in variables for w in weights_of(model)]:
        candidates = list(name_map(weight))
        assert candidates == list(name_map(weight))
        for candidate in candidates:
            assert isinstance(candidate, Candidate)
            assert candidate.key
            assert candidate.key != weight.key, "the own key is asked for anyway"
            assert isinstance(candidate.layout, Layout)
        answers += len(candidates)
    assert answers


def test_no_place_is_that_of_two_weights(name_map, variables):
    for model in variables:
        owners = {}
        for weight in weights_of(model):
            for candidate in name_map(weight):
                owners.setdefault(candidate.key, set()).add(weight.key)
        shared = {key: keys for key, keys in owners.items() if len(keys) > 1}
        assert not shared
        assert not set(owners) & {weight.key for weight in weights_of(model)}


def test_maps_do_not_take_each_others_places(variables):
    for model in variables:
        owners = {}
        for weight in weights_of(model):
            for name in NAME_MAPS.names():
                for candidate in NAME_MAPS.get(name)(weight):
                    owners.setdefault(candidate.key, set()).add(weight.key)
        assert all(len(keys) == 1 for keys in owners.values())


def test_weights_are_found_where_a_map_says(name_map, variables):
    for model in variables:
        places = {w.key: list(name_map(w))[:1] for w in weights_of(model)}
        nothing = StoredArray((), np.dtype("f4"), lambda: np.float32(0))
        arrays = {c.key: nothing for found in places.values() for c in found}
        _, report = match("x", model, arrays, [name_map])
        known = {key for key, found in places.items() if found}
        assert {*report.restored, *report.skipped} == known
        assert {*report.missing} == {*places} - known
        assert not report.unused


@pytest.mark.parametrize(
    "weight",
    [
        ModelWeight("", ""),
        ModelWeight("encoder", "x:0"),
        ModelWeight("a//b", "/:0"),
        ModelWeight("semantic_last_layer/kernel", "conv/kernel:0"),
    ],
)
def test_odd_weights_are_no_error(name_map, weight):
    assert all(isinstance(c, Candidate) for c in name_map(weight))
