"""A category with few training shapes, whose encoder also learns from synthetic shapes."""

import json

from template3d.data import archives, synthetic
from template3d.jobs.synthetic_views import VIEWS_OF_KIND


def test_phase_2_learns_from_synthetic_shapes(pristine):
    model = pristine / "results/models/planes/two_phase/model.json"
    shapes, views = (pristine / f"results/models/planes/synthetic/{name}.zip" for name in ("shapes", "views"))
    assert list(synthetic.codes([shapes], [views])) == synthetic.names(6)
    assert len(archives.names(views)) == 6 * 2 * VIEWS_OF_KIND
    images = 4 * (3 + 2) + len(archives.names(views))
    assert f"{images} views" in (pristine / "results/logs/train_encoder/planes.log").read_text()
    assert json.loads(model.read_text())["shapes"] == (pristine / "planes_train.txt").read_text().split()
