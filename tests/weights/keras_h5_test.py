import contextlib
import random

import h5py
import numpy as np
import pytest
import tf_keras

from deeplab.weights.error import WeightsError
from deeplab.weights.readers.keras_h5 import KerasH5

READER = KerasH5()


def read(path):
    assert READER.takes(str(path))
    with READER.open(str(path)) as arrays:
        return {key: array.read() for key, array in arrays.items()}


def small_model():
    image = tf_keras.Input([5, 5, 3])
    features = tf_keras.layers.Conv2D(4, 3, name="first")(image)
    features = tf_keras.layers.BatchNormalization(name="norm")(features)
    model = tf_keras.Model(image, tf_keras.layers.Dense(2, name="last")(features))
    model.compile("adam", "mse")
    model.fit(np.ones([2, 5, 5, 3]), np.ones([2, 3, 3, 2]), verbose=0)
    return model


@pytest.mark.parametrize("whole", [False, True])
def test_what_keras_saves(tmp_path, whole):
    model = small_model()
    path = tmp_path / "model.h5"
    if whole:
        model.save(path)
    else:
        model.save_weights(path)
    arrays = read(path)
    # Of the whole model neither the optimizer nor the description.
    assert set(arrays) == {
        *(f"first/first/{name}:0" for name in ("kernel", "bias")),
        *(f"last/last/{name}:0" for name in ("kernel", "bias")),
        *(f"norm/norm/{n}:0" for n in ("gamma", "beta", "moving_mean")),
        "norm/norm/moving_variance:0",
    }
    np.testing.assert_array_equal(
        arrays["first/first/kernel:0"], model.get_layer("first").kernel
    )


def test_description_of_a_model_is_not_run(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["model_weights/x"] = np.float32([1])
        file.attrs["model_config"] = "{not even json"
        file["model_weights"].attrs["weight_names"] = [b"/etc/passwd"]
    assert list(read(tmp_path / "a.h5")) == ["x"]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", ">f8", "<i8", "|u1"])
def test_numbers_come_in_the_order_of_the_machine(tmp_path, dtype):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.array([1, 2, 3], dtype)
    (array,) = read(tmp_path / "a.h5").values()
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, [1, 2, 3])


def test_packed_and_odd_arrays(tmp_path):
    values = np.random.default_rng(0).normal(size=[30, 20])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("packed", data=values, compression="gzip", shuffle=True)
        file.create_dataset("zeros", data=np.zeros([500, 500]), compression="gzip")
        file.create_dataset("chunks", data=values, chunks=(7, 7))
        file["scalar"] = 3.0
        file["none"] = np.zeros([0, 4])
        file["text"] = "no number"
        file["alias"] = file["scalar"]
        file.create_dataset("reference", data=file["none"].ref, dtype=h5py.ref_dtype)
    arrays = read(tmp_path / "a.h5")
    assert set(arrays) == {"alias", "chunks", "none", "packed", "scalar", "zeros"}
    for name in ("packed", "chunks"):
        np.testing.assert_array_equal(arrays[name], values)
    assert arrays["none"].shape == (0, 4)
    assert arrays["zeros"].shape == (500, 500)
    assert arrays["scalar"] == 3


def external_link(file):
    file["layer/x"] = h5py.ExternalLink("other.h5", "/x")


def external_link_at_the_root(file):
    file["model_weights"] = h5py.ExternalLink("other.h5", "/")


def soft_link(file):
    file["layer"] = h5py.SoftLink("/real")


def cycle(file):
    file.create_group("layer")["again"] = file["/"]


def cycle_of_two(file):
    file.create_group("a")["b"] = file.create_group("b")
    file["b/a"] = file["a"]


def deep(file):
    file.create_group("/".join("x" * 100))


def external_storage(file):
    file.create_dataset("x", (4,), "u1", external=[("secret", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def huge(file):
    file.create_dataset("x", (2**40,), "f4")


def huge_in_chunks(file):
    file.create_dataset("x", (2**40,), "f4", chunks=(1024,))


def huge_packed(file):
    data = file.create_dataset("x", (2**40,), "f4", chunks=(1024,), compression="gzip")
    data[:1024] = 1


def huge_chunk(file):
    shape = {"chunks": (2**28,), "maxshape": (None,)}
    file.create_dataset("x", (1,), "f4", compression="gzip", **shape)


def product_that_overflows(file):
    file.create_dataset("x", (2**33, 2**33), "f4", chunks=(8, 8))


def unknown_filter(file):
    file.create_dataset("x", data=np.zeros(2000), compression="lzf")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (external_link, "x is a soft or external link"),
        (external_link_at_the_root, "model_weights is a soft or external link"),
        (soft_link, "layer is a soft or external link"),
        (cycle, "layer/again is a group that is cyclic"),
        (cycle_of_two, "is a group that is cyclic"),
        (deep, "cyclic or too deep"),
        (external_storage, "x is an array whose values are in other files"),
        (virtual, "x is an array whose values are in other files"),
        (huge, "x is an array that claims 1099511627776 values but has 0 bytes"),
        (huge_in_chunks, "claims 1099511627776 values but has 0 bytes"),
        (huge_packed, r"claims 1099511627776 values but has \d+ bytes"),
        (huge_chunk, "claims 268435456 values but has 0 bytes"),
        (product_that_overflows, "claims 73786976294838206464 values"),
        (unknown_filter, "x is an array with a filter other than Deflate"),
    ],
)
def test_hostile_files(tmp_path, monkeypatch, make, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(b"1234")
    with h5py.File("other.h5", "w") as other:
        other["x"] = np.zeros(4, np.float32)
    with h5py.File("bad.h5", "w") as file:
        file["good"] = 1.0
        make(file)
    with pytest.raises(WeightsError, match=what) as error:
        read("bad.h5")
    assert str(error.value).startswith("bad.h5: ")
    assert "get the file from another source" in str(error.value)


def test_other_files_are_not_even_opened(tmp_path):
    # Opening it would fail in another way.
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["x"] = h5py.ExternalLink("absent.h5", "/x")
    with pytest.raises(WeightsError, match="x is a soft or external link"):
        read(tmp_path / "bad.h5")


@pytest.mark.parametrize("content", [b"", b"text\n" * 500, b"\x89HDF\r\n\x1a\n"])
def test_no_hdf5_at_all(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(WeightsError, match=r"a\.h5: not a readable HDF5 file.*get it"):
        read(tmp_path / "a.h5")


def test_absent(tmp_path):
    with pytest.raises(WeightsError, match=r"absent\.h5: no such file; give an \.h5"):
        read(tmp_path / "absent.h5")


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.h5"
    with h5py.File(path, "w") as file:
        for i in range(30):
            file[f"layer_{i}/kernel"] = np.arange(50.0)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.99])
def test_truncated(tmp_path, whole_file, share):
    (tmp_path / "a.h5").write_bytes(whole_file[: int(share * len(whole_file))])
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize("seed", range(100))
def test_damaged_anywhere(tmp_path, whole_file, seed):
    """Any damage ends in our error, or in numbers: nothing else comes out."""
    chance = random.Random(seed)
    content = bytearray(whole_file)
    for _ in range(20):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (tmp_path / "a.h5").write_bytes(content)
    with contextlib.suppress(WeightsError):
        read(tmp_path / "a.h5")
