"""The baselines and the upper bound of a reconstruction, on the same shapes and with the same measures.

Baselines without a view: the template alone; a random training shape; oracle retrieval, the nearest training shape; a
code fitted to the ground-truth distances. From each view: the training shape whose code is nearest to the encoder's.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from template3d.data import archives
from template3d.data.ground_truth import Truth
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation import metrics, retrieval
from template3d.evaluation.camera_frame import Cameras
from template3d.evaluation.methods import BASELINES
from template3d.geometry import meshes
from template3d.geometry.normalization import Normalization
from template3d.runtime import randomness
from template3d.runtime.errors import InputError

log = logging.getLogger(__name__)

OF_VIEW = ("views", "view_kind", "view", "azimuth_deg", "elevation_deg")
"""The columns that describe a row's view."""


@dataclass
class Baselines:
    """Measures the baselines of a category."""

    library: retrieval.Library
    """The training shapes."""
    truths: Mapping[str, Truth]
    """The usable test shapes."""
    normalizations: Mapping[str, Normalization]
    template: trimesh.Trimesh
    """In the unit sphere."""
    codes: Mapping[str, np.ndarray]
    """The codes of the usable training shapes."""
    fitted: Path
    """The archive of the meshes of fitted codes."""
    reconstructions: Path
    """The archive of the reconstructions, with the encoder's codes."""
    training_meshes: PreparedMeshes
    cameras: Cameras
    """Those of the test shapes' views."""
    settings: dict[str, Any]
    """The configuration's ``evaluate``, ``sdf.directions`` and ``seed``."""

    def rows(self, category: str, shapes: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A row for each listed shape and baseline, and for each view where the baseline uses one."""
        random_shapes = self.library.some(self.settings["evaluate"]["average_over"])
        for shape in shapes:
            start = {"category": category, "shape": shape}
            if shape not in self.truths:
                yield from (start | {"method": method, "status": "bad mesh"} for method in BASELINES)
                continue
            truth, normalization = self.truths[shape], self.normalizations[shape]
            template = meshes.transformed(self.template, normalization.to_shapenet(self.template.vertices))
            average = 1000 * float(np.mean([metrics.chamfer(points, truth.points) for points in random_shapes]))
            yield start | {"method": "template_only"} | self._measured(template, shape)
            yield start | {"method": "train_average", "chamfer_shapenet_x1000": average, "status": "ok"}
            oracle = self.library.nearest(truth, normalization)
            yield start | {"method": "nearest_oracle"} | self._retrieved(oracle, shape)
            yield start | {"method": "code_fit"} | self._fitted(shape)
            yield from (start | {"method": "nearest_code"} | row for row in self._nearest_codes(shape))
            log.info("%s: measured", shape)

    def _measured(self, mesh: trimesh.Trimesh, shape: str) -> dict[str, Any]:
        """All measures of a mesh in ShapeNet's frame."""
        rng = randomness.generator(shape, self.settings["seed"], "evaluation")
        scale, count = self.normalizations[shape].scale, self.settings["evaluate"]["points"]
        directions = self.settings["sdf"]["directions"]
        values, has_surface = metrics.measure(mesh, self.truths[shape], scale, count, directions, rng)
        return values | {"status": "ok" if has_surface else "no surface"}

    def _retrieved(self, training_shape: str, shape: str) -> dict[str, Any]:
        """All measures of a training shape, retrieved for a test shape."""
        values = retrieval.measured(self.library, training_shape, self.truths[shape], self.normalizations[shape])
        return values | {"retrieved": training_shape, "status": "ok"}

    def _fitted(self, shape: str) -> dict[str, Any]:
        if shape in archives.failures(self.fitted):  # another data stage could not use the shape
            return {"status": "bad mesh"}
        return self._measured(meshes.read_ply(archives.read(self.fitted, f"{shape}.ply")), shape)

    def _nearest_codes(self, shape: str) -> Iterator[dict[str, Any]]:
        if shape in archives.failures(self.reconstructions):
            yield {"status": "bad mesh"}
            return
        names = [name for name in sorted(archives.names(self.reconstructions)) if name.startswith(f"{shape}/")]
        if not names:
            raise InputError(f"{self.reconstructions}: holds no reconstruction of {shape}; delete it, and run again")
        retrieved: dict[str, dict[str, Any]] = {}  # many views of a shape have the same nearest code
        for name in names:
            if name.endswith(".json"):
                facts = json.loads(archives.read(self.reconstructions, name))
                training_shape = retrieval.nearest_code(self.codes, np.array(facts["code"]))
                if training_shape not in retrieved:
                    retrieved[training_shape] = self._retrieved(training_shape, shape)
                seen = self.cameras.measured(
                    self._moved(training_shape, shape), shape, facts["view_kind"], facts["view"]
                )
                yield {key: facts[key] for key in OF_VIEW} | retrieved[training_shape] | seen

    def _moved(self, training_shape: str, shape: str) -> trimesh.Trimesh:
        """The mesh of a training shape in the place of a test shape, in ShapeNet's frame."""
        mesh = self.training_meshes[training_shape]
        unit = self.library.normalizations[training_shape].to_unit(mesh.vertices)
        return meshes.transformed(mesh, self.normalizations[shape].to_shapenet(unit))
