"""Blender without a window: a scene with even light, one shape at a time, and images of each view."""

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import bpy
import numpy as np
import trimesh
from mathutils import Matrix
from PIL import Image

from template3d.data import textures
from template3d.data.materials import Material, Materials
from template3d.data.prepared_meshes import PreparedMesh
from template3d.geometry.meshes import distinct
from template3d.rendering.cameras import LENS_MM, SENSOR_MM, View
from template3d.rendering.shading import GREY, Appearance, TextureImage, make_even, shine_group, shine_with
from template3d.runtime.errors import InputError, printable
from template3d.runtime.limits import USUAL, Limits

APART = 2e-5
"""Offset, in ShapeNet units, of the faces of the first material along their normals; the second has twice as much, and
so on. This is less than a tenth of a pixel, but it decides which of two coincident faces is visible."""

DEVICES = {"cpu": "NONE", "cuda": "CUDA", "optix": "OPTIX"}


class Studio:
    """A Blender scene in ShapeNet's frame: white background, suns without shadow, a camera, one shape at a time.

    Blender has one scene per process, so use one studio at a time.
    """

    def __init__(
        self,
        image_size: int,
        samples: int,
        threads: int = 0,
        seed: int = 0,
        engine: str = "cycles",
        device: str = "cpu",
    ) -> None:
        """Set up for square images of ``image_size`` pixels and ``samples`` samples a pixel.

        ``threads`` is the number of CPU threads, 0 for all. ``engine`` is ``cycles`` or ``eevee``; ``device``, for
        cycles, is ``cpu``, ``cuda`` or ``optix``. Raises InputError if Blender finds no such device.
        """
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        self._samples = samples
        self._pass: str | None = None
        render, cycles = self._scene.render, self._scene.cycles
        render.engine = {"cycles": "CYCLES", "eevee": "BLENDER_EEVEE"}[engine]
        render.resolution_x = render.resolution_y = image_size
        render.threads_mode, render.threads = ("FIXED", threads) if threads else ("AUTO", 1)
        render.use_persistent_data, render.dither_intensity = True, 0.0
        cycles.device = _use_device(device) if engine == "cycles" else "CPU"
        cycles.seed = seed
        cycles.use_adaptive_sampling = cycles.use_denoising = False
        cycles.max_bounces, cycles.transparent_max_bounces = 0, 64
        self._scene.world = _white_world()
        camera = bpy.data.cameras.new("camera")
        camera.lens, camera.sensor_width = LENS_MM, SENSOR_MM
        camera.clip_start, camera.clip_end = 0.01, 100.0
        self._scene.camera = self._add(bpy.data.objects.new("camera", camera))
        self._shine = shine_group()
        self._shape: list = []
        self._textures = tempfile.TemporaryDirectory()

    def show_prepared(
        self, shape: PreparedMesh, described: Materials, source: str | Path = "", limits: Limits = USUAL
    ) -> list[str]:
        """Replace the shape by a prepared mesh, with the colours, textures and alpha of its materials.

        Of coincident faces with the same appearance, one stays. If their appearances differ, each is visible from its
        own side. Returns warnings about materials of ``source`` that nothing describes and about unreadable textures,
        and what is shown instead. Raises InputError if a texture is too large.
        """
        self._clear()
        names = {*shape.material_names, *(name.partition(" #")[0].rstrip() for name in shape.material_names)}
        used = {name: material for name, material in described.by_name.items() if name in names}
        appearances_of, warnings = _appearances(used, Path(self._textures.name), limits)
        appearances = []
        for written in shape.material_names:
            without_comment = written.partition(" #")[0].rstrip()
            name = written if written in appearances_of else without_comment
            if name not in appearances_of and not described.missing_libraries:
                warnings.append(f"{source}: no MTL file describes its material {written}; grey instead")
            appearances.append(appearances_of.get(name, Appearance(GREY)))
        appearances.append(Appearance(GREY))  # of faces without a material, whose index is -1
        self._shape = [self._add(bpy.data.objects.new("shape", _blender_mesh(shape, appearances, self._shine)))]
        return described.warnings + warnings

    def show_mesh(self, vertices: np.ndarray, faces: np.ndarray, colour: tuple = GREY, smooth: bool = True) -> None:
        """Replace the shape by a mesh of one colour: vertices (V, 3) in ShapeNet's frame, triangles (F, 3)."""
        self._clear()
        mesh = bpy.data.meshes.new("mesh")
        mesh.from_pydata(vertices.tolist(), [], faces.tolist())
        mesh.polygons.foreach_set("use_smooth", np.full(len(faces), smooth))
        mesh.materials.append(bpy.data.materials.new("plain"))
        make_even(mesh.materials[0], Appearance(colour), self._shine)
        self._shape = [self._add(bpy.data.objects.new("mesh", mesh))]

    def picture(self, mesh: trimesh.Trimesh, view: View) -> np.ndarray:
        """Render a grey mesh in ShapeNet's frame from ``view``: (S, S, 3) uint8; all white if it has no faces."""
        self.show_mesh(mesh.vertices, mesh.faces)
        with tempfile.TemporaryDirectory() as folder:
            self.render(view, Path(folder) / "picture.png")
            with Image.open(Path(folder) / "picture.png") as image:
                return np.array(image.convert("RGB"))

    def render(self, view: View, file: Path, shown: str = "rgb") -> None:
        """Render the shape from ``view`` into a file; ``shown``, the pass, is one of ``views.SUFFIXES``.

        * ``rgb``: PNG, under the even light, on white.
        * ``albedo``: PNG, without the light, on white.
        * ``mask``: PNG, 255 on the shape.
        * ``depth``: EXR, float32, along the camera's axis, in ShapeNet units.
        * ``normal``: EXR, float32, in ShapeNet's frame, towards the camera.

        The last three are sampled at the centre of each pixel and are 0 on the background.
        """
        if shown != self._pass:
            self._show_pass(shown)
        camera_to_world = np.linalg.inv(np.vstack([view.world_to_camera(), [0, 0, 0, 1]]))
        # Blender's camera looks along -z with y up
        self._scene.camera.matrix_world = Matrix((camera_to_world @ np.diag([1, -1, -1, 1])).tolist())
        self._scene.render.filepath = str(file)
        with _quiet():
            bpy.ops.render.render(write_still=True)

    def _show_pass(self, shown: str) -> None:
        coloured = shown in ("rgb", "albedo")
        picture = self._scene.render.image_settings
        floating = shown in ("depth", "normal")
        picture.file_format = "OPEN_EXR" if floating else "PNG"
        picture.color_mode = "RGB" if coloured or shown == "normal" else "BW"
        picture.color_depth = "32" if floating else "8"
        self._scene.view_settings.view_transform = "Standard" if coloured else "Raw"
        self._scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (*3 * [float(coloured)], 1)
        # a filter far narrower than a pixel takes the sample at the pixel's centre
        self._scene.cycles.filter_width, self._scene.cycles.samples = (1.5, self._samples) if coloured else (0.01, 1)
        self._scene.render.filter_size, self._scene.eevee.taa_render_samples = (
            (1.5, 4 * self._samples) if coloured else (0.01, 1)
        )
        shine_with(self._shine, shown)
        self._pass = shown

    def _add(self, thing: "bpy.types.Object") -> "bpy.types.Object":
        self._scene.collection.objects.link(thing)
        return thing

    def _clear(self) -> None:
        for thing in self._shape:
            bpy.data.objects.remove(thing, do_unlink=True)
        self._shape = []
        bpy.data.orphans_purge(do_recursive=True)
        # Cycles reads the files of textures when it renders. It keeps them by their paths, so each shape has new ones.
        self._textures.cleanup()
        self._textures = tempfile.TemporaryDirectory()


def _appearances(
    described: Mapping[str, Material], folder: Path, limits: Limits
) -> tuple[dict[str, Appearance], list[str]]:
    """The appearance of each material, with its textures opened in Blender, and warnings.

    Raises InputError for a texture that is too large. Blender never opens a texture's own file, because it knows more
    formats than were checked, but a PNG in ``folder`` of what was decoded.
    """
    warnings: list[str] = []

    @functools.cache
    def opened(file: Path) -> tuple[bpy.types.Image, bool] | None:
        """An image, and whether it has alpha; None if it cannot be read."""
        decoded = textures.decode(file, file, limits)
        if decoded is None:
            warnings.append(printable(f"{file}: this texture cannot be read; the material is shown without it"))
            return None
        written = folder / f"{len(bpy.data.images)}.png"
        textures.write(decoded, written)
        return bpy.data.images.load(str(written)), decoded.mode == "RGBA"

    def images_of(material: Material) -> tuple[TextureImage | None, TextureImage | None]:
        colour, alpha = None, None
        if material.texture and (found := opened(material.texture.file)):
            colour = TextureImage(found[0], "Color", material.texture.scale, material.texture.offset)
            alpha = colour._replace(output="Alpha") if found[1] else None
        if material.alpha_texture and (found := opened(material.alpha_texture.file)):
            output = "Alpha" if found[1] else "Color"
            alpha = TextureImage(found[0], output, material.alpha_texture.scale, material.alpha_texture.offset)
        return colour, alpha

    appearances = {
        name: Appearance((*shown.colour, shown.opacity), *images_of(shown)) for name, shown in described.items()
    }
    return appearances, warnings


def _use_device(device: str) -> str:
    """Make Cycles use a device; raises InputError if there is no such device."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    preferences.compute_device_type = DEVICES[device]
    if device == "cpu":
        return "CPU"
    preferences.get_devices()
    matching = [entry for entry in preferences.devices if entry.type == DEVICES[device]]
    if not matching:
        raise InputError(f"config: views.device is {device}, but Blender finds no such device here; set cpu")
    for entry in preferences.devices:
        entry.use = entry in matching
    return "GPU"


def _white_world() -> "bpy.types.World":
    """A world that is white for the camera and emits no light."""
    world = bpy.data.worlds.new("white")
    nodes, links = world.node_tree.nodes, world.node_tree.links
    path, background = nodes.new("ShaderNodeLightPath"), nodes["Background"]
    links.new(path.outputs["Is Camera Ray"], background.inputs["Strength"])
    world.cycles.sampling_method = "NONE"
    return world


def _blender_mesh(
    shape: PreparedMesh, appearances: Sequence[Appearance], shine: "bpy.types.NodeTree"
) -> "bpy.types.Mesh":
    """A prepared mesh as separate flat triangles; ``appearances`` has one for each material name, then one for none."""
    corners = shape.vertices[shape.triangles]
    kinds = {appearance: index for index, appearance in enumerate(dict.fromkeys(appearances))}
    kind = np.array([kinds[appearance] for appearance in appearances])[shape.material]
    unique = distinct(corners, kind)
    if len(np.unique(kind)) > 1:
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        corners = corners + (APART * (1 + kind % 20)[:, None] * normals)[:, None]
    mesh = bpy.data.meshes.new("shape")
    mesh.from_pydata(corners[unique].reshape(-1, 3), [], np.arange(3 * unique.sum()).reshape(-1, 3))
    for appearance in kinds:
        mesh.materials.append(bpy.data.materials.new("material"))
        make_even(mesh.materials[-1], appearance, shine)
    mesh.polygons.foreach_set("material_index", kind[unique].astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.zeros(unique.sum(), dtype=bool))
    if len(shape.uv):
        mesh.uv_layers.new().uv.foreach_set("vector", shape.uv[unique].reshape(-1))
    return mesh


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide Blender's standard output, which has lines for every file and image; Python's errors still show."""
    sys.stdout.flush()
    stdout = os.dup(1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a regular file
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
