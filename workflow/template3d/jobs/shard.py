"""A shard's archive, brought up to date by worker processes, one shape at a time."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from template3d.data import archives, manifests, shapenet
from template3d.runtime import workers


def sample(
    archive: Path,
    one_shape: Callable[..., dict[str, bytes]],
    meshes: Iterable[str],
    manifest: Path,
    settings: str,
    code: str,
    on_bad_mesh: str,
) -> None:
    """Make the members of ``archive`` that are not current, from the meshes that passed the check.

    ``one_shape(mesh, normalization, settings)`` gives the files of a shape; ``settings`` (JSON) and ``code`` are, with
    the mesh, what a member is made from. Raises InputError for a shape that cannot be made, unless ``on_bad_mesh`` is
    ``skip``.
    """
    files = {shapenet.ids(Path(mesh))[1]: Path(mesh) for mesh in meshes}
    normalizations, chosen = manifests.read([manifest]), json.loads(settings)
    archives.update(
        archive,
        {shape: archives.digest(settings, code, files[shape]) for shape in normalizations},
        lambda stale: workers.each(
            one_shape, ((shape, (files[shape], normalizations[shape], chosen)) for shape in stale)
        ),
        on_bad_mesh,
    )
