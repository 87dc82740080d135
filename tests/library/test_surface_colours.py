import numpy as np
import trimesh
from PIL import Image
from template3d.data import surface_colours

CORNERS = np.array([[0.0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]])
QUAD = np.array([[0, 1, 2], [0, 2, 3]])


def textured(uv, pixels):
    """A rectangle in the plane z = 0 that shows an image."""
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(np.array(pixels, np.uint8)))
    visual = trimesh.visual.TextureVisuals(uv=np.array(uv, float), material=material)
    return trimesh.Trimesh(CORNERS, QUAD, visual=visual, process=False)


def test_a_point_has_the_colour_of_the_texture_there(tmp_path):
    """Four pixels: the upper row of an image is at the top of the texture coordinates."""
    pixels = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]]
    textured([[0, 0], [1, 0], [1, 1], [0, 1]], pixels).export(tmp_path / "a.glb")
    points, colours = surface_colours.sampled(tmp_path / "a.glb")
    assert points.shape == colours.shape == (surface_colours.POINTS, 3)
    expected = np.array(pixels)[(points[:, 1] < 0.5).astype(int), (points[:, 0] > 1).astype(int)]
    assert (colours == expected).all()


def test_a_texture_repeats(tmp_path):
    pixels = [[[255, 0, 0], [0, 255, 0]]]
    textured([[0, 0], [2, 0], [2, 1], [0, 1]], pixels).export(tmp_path / "a.glb")
    points, colours = surface_colours.sampled(tmp_path / "a.glb")
    assert (colours == np.array(pixels[0])[(2 * points[:, 0]).astype(int) % 2]).all()


def test_a_material_without_texture_is_encoded_as_srgb(tmp_path):
    box = "v 0 0 0\nv 1 0 0\nv 0 1 0\nmtllib a.mtl\nusemtl half\nf 1 2 3\n"
    (tmp_path / "a.obj").write_text(box)
    (tmp_path / "a.mtl").write_text("newmtl half\nKd 0.5 0 1\n")
    _, colours = surface_colours.sampled(tmp_path / "a.obj")
    assert (colours == [188, 0, 255]).all()  # sRGB shows half of the light as 188


def test_the_points_are_the_same_at_each_reading(tmp_path):
    trimesh.creation.box().export(tmp_path / "a.glb")
    first, second = (surface_colours.sampled(tmp_path / "a.glb") for _ in range(2))
    assert (first[0] == second[0]).all()


def test_a_link_leads_to_the_materials_of_its_mesh(tmp_path):
    original = tmp_path / "shape/models"
    original.mkdir(parents=True)
    (original / "mesh.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nmtllib mesh.mtl\nusemtl red\nf 1 2 3\n")
    (original / "mesh.mtl").write_text("newmtl red\nKd 1 0 0\n")
    (tmp_path / "a.obj").symlink_to(original / "mesh.obj")
    _, colours = surface_colours.sampled(tmp_path / "a.obj")
    assert (colours == [255, 0, 0]).all()
