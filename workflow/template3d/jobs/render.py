"""Renders one shape's views of one kind."""

import functools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from template3d.data import archives, mesh_folders, prepared_meshes, views
from template3d.data.mesh_folders import Location
from template3d.rendering import cameras, protocols
from template3d.runtime import randomness
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

if TYPE_CHECKING:
    from template3d.rendering.blender import Studio


@functools.cache
def studio(**settings: Any) -> "Studio":
    """The Blender scene of this process."""
    from template3d.rendering.blender import Studio

    return Studio(**settings)


def appearance(archive: Path, member: str, location: Location, limits: Limits = USUAL) -> str:
    """A digest of the materials and textures of a prepared mesh: of all that ``one_shape`` reads besides the mesh.

    If the materials cannot be read, returns the digest of the error message; ``one_shape`` then raises that error.
    """
    mtllib_lines = prepared_meshes.read(archive, member).mtllib_lines
    with mesh_folders.on_disk(location, limits) as file, tempfile.TemporaryDirectory() as folder:
        try:
            described = mesh_folders.read_materials(file, mtllib_lines, Path(folder), limits)
        except InputError as error:
            return archives.digest(mesh_folders.with_zip_path(str(error), file, location))

        @functools.cache
        def content_of(texture: Path) -> str:
            limits.check_image_bytes(texture)
            return archives.digest(texture)

        shown = {
            name: [
                material.colour,
                material.opacity,
                *(
                    texture and [content_of(texture.file), texture.scale, texture.offset]
                    for texture in (material.texture, material.alpha_texture)
                ),
            ]
            for name, material in described.by_name.items()
        }
        return archives.digest({"materials": shown, "missing": described.missing_libraries})


def one_shape(
    category: str,
    kind: str,
    archive: Path,
    member: str,
    location: Location,
    threads: int,
    settings: dict,
    limits: Limits = USUAL,
) -> dict[str, bytes]:
    """Render the views of one prepared mesh, in every pass of the settings; the files are the images and their cameras.

    The materials are those of the mesh at ``location``, which was prepared. ``settings`` holds ``seed`` and the part of
    the configuration's ``views`` for this kind.

    Raises InputError if no view shows the whole shape, if nothing of it is visible, or if a texture is too large.
    """
    (_, shape), prepared = prepared_meshes.ids(member), prepared_meshes.read(archive, member)
    view_settings, rng = settings["views"], randomness.generator(shape, settings["seed"], f"{kind} views")
    shape_views = protocols.draw_views(kind, prepared.vertices, view_settings[kind], view_settings["image_size"], rng)
    scene = studio(
        image_size=view_settings["image_size"],
        samples=view_settings["samples"],
        threads=threads,
        engine=view_settings["engine"],
        device=view_settings["device"],
    )
    with mesh_folders.on_disk(location, limits) as file, tempfile.TemporaryDirectory() as textures:
        described = mesh_folders.read_materials(file, prepared.mtllib_lines, Path(textures), limits)
        warnings = scene.show_prepared(prepared, described, file, limits)
        warnings = [mesh_folders.with_zip_path(warning, file, location) for warning in warnings]
    cameras_json = cameras.describe(shape_views, view_settings["image_size"]) | {"warnings": warnings}
    files = {views.cameras_name(category, shape, kind): json.dumps(cameras_json, indent=1).encode()}
    with tempfile.TemporaryDirectory() as folder:
        for shown in view_settings["passes"]:
            for index, view in enumerate(shape_views):
                name = views.member_name(category, shape, kind, index, shown)
                image = Path(folder) / Path(name).name
                scene.render(view, image, shown)
                content = image.read_bytes()
                files[name] = views.without_texts(content) if image.suffix == ".png" else content
    first = views.decode(files[views.member_name(category, shape, kind, 0)])
    if first.convert("L").getextrema()[0] == 255:
        raise InputError(f"{location}: nothing of it is visible; are all its materials transparent or white?")
    return files
