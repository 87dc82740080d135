"""Blender, without a window: a scene with even light, a shape in it, and an image for each view."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from template3d.cameras import LENS_MM, SENSOR_MM, View

# The light: an even fill, and suns (direction in ShapeNet's frame, share of full brightness) without shadow. A
# matt surface under such light shines with colour * (fill + sum of sun * max(0, normal . direction)), so the
# materials say that themselves: no light is sampled, no ray is bounced, and an image has no noise.
FILL = 0.45
SUNS = (((-0.6, 1.0, -0.8), 0.3), ((0.8, 0.5, -0.5), 0.2), ((0.3, 0.7, 1.0), 0.2))
GREY = (0.6, 0.6, 0.6, 1.0)


class Studio:
    """A Blender scene in ShapeNet's frame: white background, suns without shadow, a camera, one shape at a time.

    Blender has one scene for the whole process, so there is one studio at a time.
    """

    def __init__(self, image_size: int, samples: int, threads: int, seed: int = 0) -> None:
        """Set up for square images of ``image_size`` pixels and ``samples`` Cycles samples a pixel, on the CPU."""
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        render, cycles = self._scene.render, self._scene.cycles
        render.engine = "CYCLES"
        render.resolution_x = render.resolution_y = image_size
        render.threads_mode, render.threads = "FIXED", threads
        render.use_persistent_data, render.dither_intensity = True, 0.0
        render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
        cycles.device = "CPU"
        cycles.samples, cycles.seed = samples, seed
        cycles.use_adaptive_sampling = cycles.use_denoising = False
        cycles.max_bounces = 0
        self._scene.view_settings.view_transform = "Standard"
        self._scene.world = _white_world()
        camera = bpy.data.cameras.new("camera")
        camera.lens, camera.sensor_width = LENS_MM, SENSOR_MM
        camera.clip_start, camera.clip_end = 0.01, 100.0
        self._scene.camera = self._add(bpy.data.objects.new("camera", camera))
        self._shape: list = []

    def show_obj(self, file: Path) -> None:
        """Replace the shape by the one in an OBJ file, with the colours, textures and alpha of its materials.

        Raises ValueError if Blender finds no faces in it.
        """
        self._clear()
        before = set(bpy.data.objects)
        with _quiet():
            bpy.ops.wm.obj_import(filepath=str(file), forward_axis="Y", up_axis="Z", validate_meshes=True)
        self._shape = [thing for thing in bpy.data.objects if thing not in before]
        if not any(len(thing.data.polygons) for thing in self._shape if thing.type == "MESH"):
            raise ValueError(f"{file}: Blender finds no faces in it")
        for thing in self._shape:
            _flat(thing.data)
            if not thing.data.materials:
                thing.data.materials.append(bpy.data.materials.new("grey"))
        for material in {slot for thing in self._shape for slot in thing.data.materials if slot}:
            _even(material, *_surface(material))

    def show_mesh(self, vertices: np.ndarray, faces: np.ndarray, colour: tuple = GREY, smooth: bool = True) -> None:
        """Replace the shape by a mesh of one colour: vertices (V, 3) in ShapeNet's frame, triangles (F, 3)."""
        self._clear()
        mesh = bpy.data.meshes.new("mesh")
        mesh.from_pydata(vertices.tolist(), [], faces.tolist())
        mesh.polygons.foreach_set("use_smooth", np.full(len(faces), smooth))
        material = bpy.data.materials.new("plain")
        _even(material, colour, None, None)
        mesh.materials.append(material)
        self._shape = [self._add(bpy.data.objects.new("mesh", mesh))]

    def render(self, view: View, file: Path) -> None:
        """Write the shape as seen from ``view`` into a PNG file."""
        camera_to_world = np.linalg.inv(np.vstack([view.world_to_camera(), [0, 0, 0, 1]]))
        # Blender's camera looks along -z with y up
        self._scene.camera.matrix_world = Matrix((camera_to_world @ np.diag([1, -1, -1, 1])).tolist())
        self._scene.render.filepath = str(file)
        with _quiet():
            bpy.ops.render.render(write_still=True)

    def _add(self, thing: "bpy.types.Object") -> "bpy.types.Object":
        self._scene.collection.objects.link(thing)
        return thing

    def _clear(self) -> None:
        for thing in self._shape:
            bpy.data.objects.remove(thing, do_unlink=True)
        bpy.data.orphans_purge(do_recursive=True)
        self._shape = []


def _white_world() -> "bpy.types.World":
    """A world that the camera sees white and that lights nothing."""
    world = bpy.data.worlds.new("white")
    nodes, links = world.node_tree.nodes, world.node_tree.links
    path, background = nodes.new("ShaderNodeLightPath"), nodes["Background"]
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    links.new(path.outputs["Is Camera Ray"], background.inputs["Strength"])
    world.cycles.sampling_method = "NONE"
    return world


def _flat(mesh: "bpy.types.Mesh") -> None:
    """Shade by the faces alone: the normals that such files carry are often broken."""
    if "custom_normal" in mesh.attributes:
        mesh.attributes.remove(mesh.attributes["custom_normal"])
    mesh.polygons.foreach_set("use_smooth", np.zeros(len(mesh.polygons), dtype=bool))


def _surface(material: "bpy.types.Material") -> tuple[tuple, object | None, object | None]:
    """Colour (RGBA), colour texture and alpha texture of an imported material."""
    principled = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if principled is None:
        return GREY, None, None
    colour, alpha = principled.inputs["Base Color"], principled.inputs["Alpha"]
    textures = [socket.links[0].from_node.image if socket.is_linked else None for socket in (colour, alpha)]
    return (*colour.default_value[:3], alpha.default_value), *textures


def _even(material: "bpy.types.Material", colour: tuple, texture: object | None, alpha_texture: object | None) -> None:
    """Make a material matt under the even light: colour from both sides, no highlight, no shadow, no noise."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    shine, see_through = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeBsdfTransparent")
    mix, output = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeOutputMaterial")
    shine.inputs["Color"].default_value = (*colour[:3], 1.0)
    mix.inputs["Fac"].default_value = colour[3]
    if texture:
        links.new(_image(nodes, texture).outputs["Color"], shine.inputs["Color"])
    if alpha_texture:
        links.new(_image(nodes, alpha_texture).outputs["Alpha"], mix.inputs["Fac"])
    links.new(_brightness(nodes, links), shine.inputs["Strength"])
    links.new(see_through.outputs[0], mix.inputs[1])
    links.new(shine.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], output.inputs["Surface"])


def _image(nodes: "bpy.types.Nodes", texture: object) -> "bpy.types.Node":
    node = nodes.new("ShaderNodeTexImage")
    node.image = texture
    return node


def _brightness(nodes: "bpy.types.Nodes", links: "bpy.types.NodeLinks") -> "bpy.types.NodeSocket":
    """The light that falls on a face: the fill, and each sun by the cosine of its angle."""
    geometry = nodes.new("ShaderNodeNewGeometry")
    brightness = FILL
    for direction, share in SUNS:
        cosine, facing, total = (nodes.new(f"Shader{kind}") for kind in ("NodeVectorMath", "NodeMath", "NodeMath"))
        cosine.operation, facing.operation, total.operation = "DOT_PRODUCT", "MAXIMUM", "MULTIPLY_ADD"
        cosine.inputs[1].default_value = Vector(direction).normalized()
        links.new(geometry.outputs["Normal"], cosine.inputs[0])
        links.new(cosine.outputs["Value"], facing.inputs[0])
        facing.inputs[1].default_value = 0.0
        links.new(facing.outputs[0], total.inputs[0])
        total.inputs[1].default_value = share
        if isinstance(brightness, float):
            total.inputs[2].default_value = brightness
        else:
            links.new(brightness, total.inputs[2])
        brightness = total.outputs[0]
    return brightness


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Blender prints for every file and image out of the log; Python's own errors still show."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device, not a file of ours
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
