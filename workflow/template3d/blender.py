"""Blender, without a window: a scene with even light, a shape in it, and images of each view."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np
from mathutils import Matrix, Vector

from template3d.cameras import LENS_MM, SENSOR_MM, View
from template3d.errors import InputError
from template3d.meshes import distinct
from template3d.shapenet import missing_materials

# The light: an even fill, and suns (direction in ShapeNet's frame, share of full brightness) without shadow. A
# matt surface under such light shines with colour * (fill + sum of sun * max(0, normal . direction)), so the
# materials say that themselves: no light is sampled, no ray is bounced, and an image has no noise.
FILL = 0.45
SUNS = (((-0.6, 1.0, -0.8), 0.3), ((0.8, 0.5, -0.5), 0.2), ((0.3, 0.7, 1.0), 0.2))
GREY = (0.6, 0.6, 0.6, 1.0)
OPAQUE = 0.1
"""Alpha above which depth, normal and mask take a surface for solid."""
APART = 2e-5
"""How far the faces of the first material move to their own side, in ShapeNet units, those of the second twice as far,
and so on: less than a tenth of a pixel, but of two faces in one place it is always the same that is seen."""

DEVICES = {"cpu": "NONE", "cuda": "CUDA", "optix": "OPTIX"}


class Studio:
    """A Blender scene in ShapeNet's frame: white background, suns without shadow, a camera, one shape at a time.

    Blender has one scene for the whole process, so there is one studio at a time.
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

        ``threads`` on the CPU, 0 for all; ``engine`` is ``cycles`` or ``eevee``, ``device`` (for cycles) ``cpu``,
        ``cuda`` or ``optix``. Raises InputError if Blender finds no such device.
        """
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        self._samples, self._pass = samples, None
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
        self._shine = _shine_group()
        self._shape: list = []

    def show_obj(self, file: Path) -> list[str]:
        """Replace the shape by the one in an OBJ file, with the colours, textures and alpha of its materials.

        Of coincident faces that look the same one is left, and two that look different are each seen from their own
        side. Returns what is missing and was replaced, in words. Raises InputError if Blender finds no faces in it.
        """
        self._clear()
        missing, textures = missing_materials(file)
        warnings = [f"{file}: names {name}, which is not there; grey instead" for name in missing]
        warnings += [f"{file}: names the texture {name}, which is not there; plain instead" for name in textures]
        before = set(bpy.data.objects)
        with _quiet():
            bpy.ops.wm.obj_import(
                filepath=str(file), forward_axis="Y", up_axis="Z", use_split_objects=False, validate_meshes=False
            )
        imported = [thing for thing in bpy.data.objects if thing not in before]
        self._shape = imported
        meshes = [thing.data for thing in imported if thing.type == "MESH" and len(thing.data.polygons)]
        if not meshes:
            raise InputError(f"{file}: Blender finds no faces in it")
        for mesh in meshes:
            looks = []
            for index, material in enumerate(mesh.materials):
                look, flaws = _look(material) if material and not missing else (Look(GREY), [])
                warnings += [f"{file}: {flaw}" for flaw in flaws]
                if material is None:
                    material = mesh.materials[index] = bpy.data.materials.new("grey")
                _even(material, look, self._shine)
                looks.append(look)
            if not looks:
                looks.append(Look(GREY))
                mesh.materials.append(bpy.data.materials.new("grey"))
                _even(mesh.materials[0], looks[0], self._shine)
            self._shape.append(self._add(bpy.data.objects.new("shape", _single(mesh, looks))))
        for thing in imported:
            self._shape.remove(thing)
            bpy.data.objects.remove(thing, do_unlink=True)
        return list(dict.fromkeys(warnings))

    def show_mesh(self, vertices: np.ndarray, faces: np.ndarray, colour: tuple = GREY, smooth: bool = True) -> None:
        """Replace the shape by a mesh of one colour: vertices (V, 3) in ShapeNet's frame, triangles (F, 3)."""
        self._clear()
        mesh = bpy.data.meshes.new("mesh")
        mesh.from_pydata(vertices.tolist(), [], faces.tolist())
        mesh.polygons.foreach_set("use_smooth", np.full(len(faces), smooth))
        mesh.materials.append(bpy.data.materials.new("plain"))
        _even(mesh.materials[0], Look(colour), self._shine)
        self._shape = [self._add(bpy.data.objects.new("mesh", mesh))]

    def render(self, view: View, file: Path, shown: str = "rgb") -> None:
        """Write the shape as seen from ``view`` into a file; ``shown`` is one of ``views.SUFFIXES``.

        ``rgb``: PNG under the even light, on white. ``albedo``: the same without the light. At the centre of each
        pixel, 0 where the background is: ``mask``, PNG, 255 on the shape; ``depth``, EXR, float32, along the
        camera's axis, in ShapeNet units; ``normal``, EXR, float32, in ShapeNet's frame, towards the camera.
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
        _show(self._shine, shown)
        self._pass = shown

    def _add(self, thing: "bpy.types.Object") -> "bpy.types.Object":
        self._scene.collection.objects.link(thing)
        return thing

    def _clear(self) -> None:
        for thing in self._shape:
            bpy.data.objects.remove(thing, do_unlink=True)
        self._shape = []
        bpy.data.orphans_purge(do_recursive=True)


class Look(NamedTuple):
    """How a material looks: colour (RGBA), and textures for colour and for alpha."""

    colour: tuple
    texture: object | None = None
    alpha_texture: object | None = None


def _use_device(device: str) -> str:
    """Make Cycles use a device; raises InputError if there is none of its kind."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    preferences.compute_device_type = DEVICES[device]
    if device == "cpu":
        return "CPU"
    preferences.get_devices()
    found = [entry for entry in preferences.devices if entry.type == DEVICES[device]]
    if not found:
        raise InputError(f"config: views.device is {device}, but Blender finds no such device here; set cpu")
    for entry in preferences.devices:
        entry.use = entry in found
    return "GPU"


def _white_world() -> "bpy.types.World":
    """A world that the camera sees white and that lights nothing."""
    world = bpy.data.worlds.new("white")
    nodes, links = world.node_tree.nodes, world.node_tree.links
    path, background = nodes.new("ShaderNodeLightPath"), nodes["Background"]
    links.new(path.outputs["Is Camera Ray"], background.inputs["Strength"])
    world.cycles.sampling_method = "NONE"
    return world


def _look(material: "bpy.types.Material") -> tuple[Look, list[str]]:
    """How an imported material looks, and what of it is missing, in words."""
    principled = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if principled is None:
        return Look(GREY), []
    flaws = []

    def texture(socket: "bpy.types.NodeSocket") -> object | None:
        image = socket.links[0].from_node.image if socket.is_linked else None
        if image is not None and not image.has_data and not image.size[0]:
            flaws.append(f"the texture {image.name} of material {material.name} cannot be read; plain instead")
            return None
        return image

    colour, alpha = principled.inputs["Base Color"], principled.inputs["Alpha"]
    opacity = alpha.default_value
    if opacity == 0 and not alpha.is_linked:
        flaws.append(f"material {material.name} is wholly transparent (`d` 0); opaque instead")
        opacity = 1.0
    image, alpha_image = texture(colour), texture(alpha)
    if image is not None and alpha_image is None and image.depth == 32:
        alpha_image = image
    return Look((*colour.default_value[:3], opacity), image, alpha_image), flaws


def _single(mesh: "bpy.types.Mesh", looks: list[Look]) -> "bpy.types.Mesh":
    """An imported mesh as separate flat triangles, without the doubles that cannot be told apart."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    loops, materials = np.empty((count, 3), np.int32), np.empty(count, np.int32)
    mesh.loop_triangles.foreach_get("loops", loops.reshape(-1))
    mesh.loop_triangles.foreach_get("material_index", materials)
    loop_vertices, vertices = np.empty(len(mesh.loops), np.int32), np.empty((len(mesh.vertices), 3), np.float32)
    mesh.loops.foreach_get("vertex_index", loop_vertices)
    mesh.vertices.foreach_get("co", vertices.reshape(-1))
    corners = vertices[loop_vertices[loops]]
    kinds = {look: index for index, look in enumerate(dict.fromkeys(looks))}
    kind = np.array([kinds[look] for look in looks])[materials]
    kept = distinct(corners, kind)
    if len(kinds) > 1:
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
        corners = corners + (APART * (1 + kind % 20)[:, None] * normals)[:, None]
    tidy = bpy.data.meshes.new("shape")
    tidy.from_pydata(corners[kept].reshape(-1, 3), [], np.arange(3 * kept.sum()).reshape(-1, 3))
    for material in mesh.materials:
        tidy.materials.append(material)
    tidy.polygons.foreach_set("material_index", materials[kept])
    tidy.polygons.foreach_set("use_smooth", np.zeros(kept.sum(), dtype=bool))
    if mesh.uv_layers:
        places = np.empty((len(mesh.loops), 2), np.float32)
        mesh.uv_layers.active.uv.foreach_get("vector", places.reshape(-1))
        tidy.uv_layers.new().uv.foreach_set("vector", places[loops[kept]].reshape(-1))
    return tidy


def _even(material: "bpy.types.Material", look: Look, shine: "bpy.types.NodeTree") -> None:
    """Make a material matt under the even light: colour from both sides, no highlight, no shadow, no noise."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    material.surface_render_method = "DITHERED"
    group, emission, see_through = (nodes.new(f"ShaderNode{kind}") for kind in ("Group", "Emission", "BsdfTransparent"))
    mix, output = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeOutputMaterial")
    group.node_tree = shine
    group.inputs["Colour"].default_value, group.inputs["Alpha"].default_value = (*look.colour[:3], 1.0), look.colour[3]
    if look.texture:
        links.new(_image(nodes, look.texture).outputs["Color"], group.inputs["Colour"])
    if look.alpha_texture:
        links.new(_image(nodes, look.alpha_texture).outputs["Alpha"], group.inputs["Alpha"])
    links.new(group.outputs["Light"], emission.inputs["Color"])
    links.new(group.outputs["Alpha"], mix.inputs["Fac"])
    links.new(see_through.outputs[0], mix.inputs[1])
    links.new(emission.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], output.inputs["Surface"])


def _image(nodes: "bpy.types.Nodes", texture: object) -> "bpy.types.Node":
    node = nodes.new("ShaderNodeTexImage")
    node.image = texture
    return node


def _shine_group() -> "bpy.types.NodeTree":
    """What all materials share: from colour and alpha to the light that a surface sends out; ``_show`` says which."""
    group = bpy.data.node_groups.new("shine", "ShaderNodeTree")
    group.use_fake_user = True
    for direction, name in (("INPUT", "Colour"), ("INPUT", "Alpha"), ("OUTPUT", "Light"), ("OUTPUT", "Alpha")):
        kind = "NodeSocketFloat" if name == "Alpha" else "NodeSocketColor"
        group.interface.new_socket(name, in_out=direction, socket_type=kind)
    return group


def _show(group: "bpy.types.NodeTree", shown: str) -> None:
    """Let surfaces shine with what ``shown`` asks for."""
    nodes, links = group.nodes, group.links
    nodes.clear()
    given, sent = nodes.new("NodeGroupInput"), nodes.new("NodeGroupOutput")
    alpha = given.outputs["Alpha"]
    if shown in ("rgb", "albedo"):
        light = given.outputs["Colour"]
        if shown == "rgb":
            lit = nodes.new("ShaderNodeVectorMath")
            lit.operation = "SCALE"
            links.new(light, lit.inputs[0])
            links.new(_brightness(nodes, links), lit.inputs["Scale"])
            light = lit.outputs[0]
    else:
        solid = nodes.new("ShaderNodeMath")
        solid.operation, solid.inputs[1].default_value = "GREATER_THAN", OPAQUE
        links.new(alpha, solid.inputs[0])
        alpha = solid.outputs[0]
        source = {"depth": "ShaderNodeCameraData", "normal": "ShaderNodeNewGeometry", "mask": "ShaderNodeValue"}[shown]
        node = nodes.new(source)
        light = node.outputs[{"depth": "View Z Depth", "normal": "Normal", "mask": "Value"}[shown]]
        if shown == "mask":
            light.default_value = 1.0
    links.new(light, sent.inputs["Light"])
    links.new(alpha, sent.inputs["Alpha"])


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
