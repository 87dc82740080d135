"""The even light as Blender's shader nodes: materials emit the light that they would reflect.

Only this module and ``blender.py`` import bpy.
"""

from typing import NamedTuple

import bpy
from mathutils import Vector

# The light is an even fill and suns (direction in ShapeNet's frame, share of full brightness) without shadow. Under it,
# a matt surface reflects colour * (fill + sum of sun * max(0, normal . direction)). The materials emit this light, so
# Cycles samples no lights and no bounces, and an image has no noise.
FILL = 0.45
SUNS = (((-0.6, 1.0, -0.8), 0.3), ((0.8, 0.5, -0.5), 0.2), ((0.3, 0.7, 1.0), 0.2))
GREY = (0.6, 0.6, 0.6, 1.0)
OPAQUE = 0.1
"""Alpha above which depth, normal and mask treat a surface as solid."""


class TextureImage(NamedTuple):
    """An image in Blender, and how it lies on a surface (see ``materials.Texture``)."""

    image: "bpy.types.Image"
    output: str
    """``Color`` or ``Alpha``; ``Color``, as alpha, counts by its luminance."""
    scale: tuple[float, float]
    offset: tuple[float, float]


class Appearance(NamedTuple):
    """The appearance of a material: colour (RGBA), and textures for colour and for alpha."""

    colour: tuple
    texture: TextureImage | None = None
    alpha_texture: TextureImage | None = None


def make_even(material: "bpy.types.Material", appearance: Appearance, shine: "bpy.types.NodeTree") -> None:
    """Make a material matt under the even light, on both sides, without highlights, shadows or noise."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    material.surface_render_method = "DITHERED"
    group, emission, see_through = (nodes.new(f"ShaderNode{kind}") for kind in ("Group", "Emission", "BsdfTransparent"))
    mix, output = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeOutputMaterial")
    group.node_tree = shine
    group.inputs["Colour"].default_value, group.inputs["Alpha"].default_value = (
        (*appearance.colour[:3], 1.0),
        appearance.colour[3],
    )
    for texture, name in ((appearance.texture, "Colour"), (appearance.alpha_texture, "Alpha")):
        if texture:
            links.new(_image(nodes, links, texture).outputs[texture.output], group.inputs[name])
    links.new(group.outputs["Light"], emission.inputs["Color"])
    links.new(group.outputs["Alpha"], mix.inputs["Fac"])
    links.new(see_through.outputs[0], mix.inputs[1])
    links.new(emission.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], output.inputs["Surface"])


def _image(nodes: "bpy.types.Nodes", links: "bpy.types.NodeLinks", texture: TextureImage) -> "bpy.types.Node":
    node = nodes.new("ShaderNodeTexImage")
    node.image = texture.image
    if (texture.scale, texture.offset) != ((1.0, 1.0), (0.0, 0.0)):
        coordinates, mapping = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
        mapping.inputs["Scale"].default_value = (*texture.scale, 1.0)
        mapping.inputs["Location"].default_value = (*texture.offset, 0.0)
        links.new(coordinates.outputs["UV"], mapping.inputs["Vector"])
        links.new(mapping.outputs["Vector"], node.inputs["Vector"])
    return node


def shine_group() -> "bpy.types.NodeTree":
    """The node group that all materials share, from colour and alpha to emitted light (see ``shine_with``)."""
    group = bpy.data.node_groups.new("shine", "ShaderNodeTree")
    group.use_fake_user = True
    for direction, name in (("INPUT", "Colour"), ("INPUT", "Alpha"), ("OUTPUT", "Light"), ("OUTPUT", "Alpha")):
        kind = "NodeSocketFloat" if name == "Alpha" else "NodeSocketColor"
        group.interface.new_socket(name, in_out=direction, socket_type=kind)
    return group


def shine_with(group: "bpy.types.NodeTree", shown: str) -> None:
    """Make surfaces emit the pass ``shown``, one of ``views.SUFFIXES``."""
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
    """The light on a face: the fill, plus each sun times the cosine of its angle."""
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
