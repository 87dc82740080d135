"""Brings a shard's archive up to date with worker processes, one shape at a time."""

from collections.abc import Callable
from pathlib import Path

from template3d.data import archives, manifests, prepared_meshes
from template3d.runtime import workers
from template3d.runtime.limits import USUAL, Limits


def update_archive(
    archive: Path,
    one_shape: Callable[..., dict[str, bytes]],
    prepared: Path,
    manifest: Path,
    settings: dict,
    code: dict,
    on_bad_mesh: str,
    limits: Limits = USUAL,
) -> None:
    """Make the stale members of ``archive`` from the prepared meshes of the shard.

    ``one_shape(prepared, member, normalization, settings)`` returns the files of a shape. Its members depend on the
    triangles, the normalization, ``settings`` and ``code``. Raises InputError for a shape that cannot be made, unless
    ``on_bad_mesh`` is ``skip``.
    """
    members, normalizations = prepared_meshes.members(prepared), manifests.read([manifest])
    mesh_digests = prepared_meshes.digests(prepared)
    wanted = {
        shape: archives.digest(settings, code, normalization.to_json(), mesh_digests[shape])
        for shape, normalization in normalizations.items()
    }
    archives.update(
        archive,
        wanted,
        lambda stale: workers.each(
            one_shape,
            ((shape, (prepared, members[shape], normalizations[shape], settings)) for shape in stale),
            minutes=limits.shape_minutes,
        ),
        on_bad_mesh,
    )
