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


class Appearance(NamedTuple):
    """The appearance of a material: colour (RGBA), and textures for colour and for alpha."""

    colour: tuple
    texture: "bpy.types.Image | None" = None
    alpha_texture: "bpy.types.Image | None" = None


def appearance_of(material: "bpy.types.Material") -> tuple[Appearance, list[str]]:
    """The appearance of an imported material, and its flaws, in words."""
    principled = next((node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if principled is None:
        return Appearance(GREY), []
    flaws = []

    def texture(socket: "bpy.types.NodeSocket") -> "bpy.types.Image | None":
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
    return Appearance((*colour.default_value[:3], opacity), image, alpha_image), flaws


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
    if appearance.texture:
        links.new(_image(nodes, appearance.texture).outputs["Color"], group.inputs["Colour"])
    if appearance.alpha_texture:
        links.new(_image(nodes, appearance.alpha_texture).outputs["Alpha"], group.inputs["Alpha"])
    links.new(group.outputs["Light"], emission.inputs["Color"])
    links.new(group.outputs["Alpha"], mix.inputs["Fac"])
    links.new(see_through.outputs[0], mix.inputs[1])
    links.new(emission.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], output.inputs["Surface"])


def _image(nodes: "bpy.types.Nodes", texture: "bpy.types.Image") -> "bpy.types.Node":
    node = nodes.new("ShaderNodeTexImage")
    node.image = texture
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
