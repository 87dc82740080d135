"""Brings a shard's archive up to date with worker processes, one shape at a time."""

from collections.abc import Callable, Iterable
from pathlib import Path

from template3d.data import archives, manifests, shapenet
from template3d.runtime import workers


def update_archive(
    archive: Path,
    one_shape: Callable[..., dict[str, bytes]],
    meshes: Iterable[str],
    manifest: Path,
    settings: dict,
    code: dict,
    on_bad_mesh: str,
) -> None:
    """Make the stale members of ``archive`` from the meshes that passed the check.

    ``one_shape(mesh, normalization, settings)`` returns the files of a shape. A member depends on the mesh,
    ``settings`` and ``code``. Raises InputError for a shape that cannot be made, unless ``on_bad_mesh`` is ``skip``.
    """
    files = {shapenet.ids(Path(mesh))[1]: Path(mesh) for mesh in meshes}
    normalizations = manifests.read([manifest])
    archives.update(
        archive,
        {shape: archives.digest(settings, code, files[shape]) for shape in normalizations},
        lambda stale: workers.each(
            one_shape, ((shape, (files[shape], normalizations[shape], settings)) for shape in stale)
        ),
        on_bad_mesh,
    )
