from io import BytesIO

import numpy as np
import pytest
from template3d.data import archives, samples
from template3d.data.memory import Memory
from template3d.data.sample_sets import Samples
from template3d.runtime.errors import InputError


def write(archive, shapes):
    """An ``sdf.zip`` with the samples of some shapes."""
    archives.update(
        archive,
        dict.fromkeys(shapes, "1"),
        lambda stale: (
            (shape, {samples.member_name("03001627", shape): samples.to_bytes(shapes[shape])}) for shape in stale
        ),
    )


def spoiled(side, value, dtype=np.float32, columns=4):
    """Samples of which one number of a side is ``value``."""
    rows = {side: np.full((20, columns), 0.5, dtype) for side in samples.SIDES}
    rows[side][3, 1] = value
    return rows


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (spoiled("pos", np.nan), "1 of the 20 samples in pos are not finite"),
        (spoiled("neg", np.inf), "1 of the 20 samples in neg are not finite"),
        (spoiled("neg", -np.inf), "1 of the 20 samples in neg are not finite"),
        (spoiled("pos", 0, np.float64), r"pos is float64 \(20, 4\), but must be float32 \(N, 4\)"),
        (spoiled("pos", 0, columns=3), r"pos is float32 \(20, 3\)"),
        (spoiled("pos", 1j, np.complex64), r"pos is complex64 \(20, 4\)"),
    ],
)
@pytest.mark.parametrize("ram_gb", [1.0, 0.0])
def test_samples_that_are_not_finite_are_named_with_their_shape_and_archive(tmp_path, bad, sentence, ram_gb):
    write(tmp_path / "sdf.zip", {"aaaa": spoiled("pos", 0.5), "bbbb": bad})
    with pytest.raises(InputError, match=rf"sdf\.zip: bbbb: {sentence}"):
        Samples.read([tmp_path / "sdf.zip"], "03001627", ["aaaa", "bbbb"], Memory(ram_gb=ram_gb))
    assert len(Samples.read([tmp_path / "sdf.zip"], "03001627", ["aaaa"], Memory(ram_gb=ram_gb))) == 1  # not in use


def test_samples_are_npz_and_map_into_memory_from_inside_a_shard(tmp_path):
    rng = np.random.default_rng(0)
    drawn = {
        shape: {"pos": rng.random((50 + index, 4), np.float32), "neg": rng.random((70, 4), np.float32)}
        for index, shape in enumerate(("aaaa", "bbbb", "cccc"))
    }
    archive = tmp_path / "sdf.zip"
    write(archive, drawn)
    names = {samples.member_name("03001627", shape): sides for shape, sides in drawn.items()}
    for name, mapped in samples.mapped(archive, names).items():
        sides = names[name]
        with np.load(BytesIO(archives.read(archive, name))) as loaded:
            for side in ("pos", "neg"):
                assert loaded[side].dtype == mapped[side].dtype == np.float32
                np.testing.assert_array_equal(loaded[side], sides[side])
                np.testing.assert_array_equal(mapped[side], sides[side])
                assert not mapped[side].flags.owndata
