from io import BytesIO

import numpy as np
from template3d.data import archives, samples


def test_samples_are_npz_and_map_into_memory_from_inside_a_shard(tmp_path):
    rng = np.random.default_rng(0)
    drawn = {
        shape: {"pos": rng.random((50 + index, 4), np.float32), "neg": rng.random((70, 4), np.float32)}
        for index, shape in enumerate(("aaaa", "bbbb", "cccc"))
    }
    archive = tmp_path / "sdf.zip"
    archives.update(
        archive,
        dict.fromkeys(drawn, "1"),
        lambda shapes: (
            (shape, {samples.member_name("03001627", shape): samples.to_bytes(drawn[shape])}) for shape in shapes
        ),
    )
    names = {samples.member_name("03001627", shape): sides for shape, sides in drawn.items()}
    for name, mapped in samples.mapped(archive, names).items():
        sides = names[name]
        with np.load(BytesIO(archives.read(archive, name))) as loaded:
            for side in ("pos", "neg"):
                assert loaded[side].dtype == mapped[side].dtype == np.float32
                np.testing.assert_array_equal(loaded[side], sides[side])
                np.testing.assert_array_equal(mapped[side], sides[side])
                assert not mapped[side].flags.owndata
