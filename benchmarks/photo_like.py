"""What augmentation is worth on images that training never saw: shadows, textures, backgrounds.

    .venv/bin/python benchmarks/photo_like.py        after `make`, in the same folder; 15 minutes

Renders the test shapes of a category with a sun that casts shadows and with wood, stripes or checks on them, once cut
out on white and once before a striped background. Then trains phase 2 without augmentation, with that of config.yaml,
and with all of it, and prints the mean Chamfer distance x 1000 of the reconstructions. The last line is JSON.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import torch
import trimesh
import yaml
from PIL import Image
from template3d.data import archives, ground_truth, images, manifests, prepared_meshes, splits, views
from template3d.data.memory import Memory
from template3d.evaluation import metrics
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.reconstruction import inference
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.training.augmentation import Augmentation
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule, fields_of

SIZE = 128
SAMPLES = 32
APART = 0.003
"""How much larger each part of a shape is than the one before, as a share."""
TEXTURES = ("ShaderNodeTexNoise", "ShaderNodeTexWave", "ShaderNodeTexChecker")
EVERYTHING = {"light": 0.4, "blur": 1.0, "jpeg_probability": 0.3, "background_probability": 0.5}
"""Beside the augmentation of config.yaml."""
REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Measure one category, in every kind of image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--category", default="chairs")
    parser.add_argument("--views", type=int, default=3, help="easy views of each test shape")
    options = parser.parse_args()
    torch.set_num_threads(1)  # as a training job of config.yaml
    settings = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    demo = Demo(options.results, options.category, settings)
    pictures = {"as training": demo.renderings(options.views)}
    shaded = list(demo.shaded(options.views))
    pictures["shadows and textures, cut out"] = [(shape, on_white(image)) for shape, image in shaded]
    pictures["the same, background kept"] = [(shape, on_stripes(image)) for shape, image in shaded]
    print(f"| augmentation | {' | '.join(pictures)} |\n| --- |{' ---: |' * len(pictures)}")
    rows = {}
    for name, augmentation in {
        "none": Augmentation(),
        "config.yaml": Augmentation(**fields_of(Augmentation, settings["augmentation"])),
        "all": Augmentation(**(fields_of(Augmentation, settings["augmentation"]) | EVERYTHING)),
    }.items():
        encoder = demo.trained(augmentation)
        rows[name] = [demo.error(encoder, kind) for kind in pictures.values()]
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in rows[name])} |", flush=True)
    print(json.dumps({name: [round(value, 3) for value in row] for name, row in rows.items()}))


class Demo:
    """A category of a finished run of the demo."""

    def __init__(self, results: Path, category: str, settings: dict[str, Any]) -> None:
        """Read phase 1's model, the training views and the test shapes."""
        self.settings, self.category = settings, category
        self.data = results / "data" / category
        self.model = models.load_model(results / "models" / category / "embeddings" / "model.safetensors")
        encoder = settings["encoder"]
        memory = Memory.of(settings["training"])
        shards = [self.data / f"train-00/{kind}.zip" for kind in settings["phase2"]["views"]]
        crop = encoder["crop_to_object"]
        self.training = images.read_views(shards, self.model.shapes, encoder["image_size"], memory, 1, crop)
        self.members = prepared_meshes.members(self.data / "test-00/meshes.zip")
        synset, _ = prepared_meshes.ids(next(iter(self.members.values())))
        self.truths = dict(ground_truth.each([self.data / "test-00/surface.zip"], synset, sorted(self.members)))
        self.normalizations = manifests.read([self.data / "test-00/manifest.json"])

    def renderings(self, count: int) -> list[tuple[str, Image.Image]]:
        """The first easy views of each test shape, as the workflow renders them."""
        names = [
            views.member_name(self.category, shape, "easy", index)
            for shape in sorted(self.members)
            for index in range(count)
        ]
        content = dict(archives.members(self.data / "test-00/easy.zip"))
        return [(name.split("/")[1], views.decode(content[name])) for name in names]

    def shaded(self, count: int) -> Iterator[tuple[str, Image.Image]]:
        """The same views in another light, with textures: RGBA images."""
        archive_of = archives.index([self.data / "test-00/easy.zip"])
        studio = Studio(SIZE, SAMPLES)
        rng = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            for shape, member in sorted(self.members.items()):
                mesh = prepared_meshes.read(self.data / "test-00/meshes.zip", member)
                described = views.read_cameras(archive_of, self.category, shape, "easy")
                parts = trimesh.Trimesh(mesh.vertices, mesh.triangles).split(only_watertight=False)
                for index, part in enumerate(parts):  # of two coincident faces, each would shadow the other
                    part.vertices += APART * index * (part.vertices - part.bounds.mean(axis=0))
                joined = trimesh.util.concatenate(parts)
                studio.show_mesh(joined.vertices, joined.faces, smooth=False)
                studio.render(cameras.described_view(described, 0), Path(folder) / "even.png")
                shade(rng)
                for index in range(count):
                    file = Path(folder) / "shaded.png"
                    studio.render(cameras.described_view(described, index), file)
                    with Image.open(file) as image:
                        yield shape, image.convert("RGBA")

    def trained(self, augmentation: Augmentation) -> Encoder:
        """An encoder after phase 2."""
        codes, section = self.model.codes, self.settings["phase2"]
        torch.manual_seed(0)
        encoder = Encoder(codes.shape[1], backbone=self.settings["encoder"]["backbone"])
        encoder.start_at(codes.mean(dim=0))
        held_out = splits.held_out(self.model.shapes, self.settings["split"]["validation_share"], 0)
        indices = [index for index, shape in enumerate(self.model.shapes) if shape in held_out]
        values = EncoderSettings(**fields_of(EncoderSettings, section))
        stage = EncoderStage(encoder, self.training, codes, values, indices, augmentation)
        fit(stage, Schedule.of(section, 0, 0), "phase 2")
        return encoder.eval()

    def error(self, encoder: Encoder, pictures: list[tuple[str, Image.Image]]) -> float:
        """The mean Chamfer distance x 1000 of the reconstructions from pictures of test shapes."""
        section, errors = self.settings["encoder"], []
        for shape, picture in pictures:
            seen = images.to_tensor(picture, section["image_size"], section["crop_to_object"])
            with torch.no_grad():
                code = encoder(seen[None])
            (mesh,) = inference.meshes_of(self.model.decoder, code, **self.settings["isosurface"])
            vertices = self.normalizations[shape].to_shapenet(mesh.vertices)
            points = trimesh.sample.sample_surface(trimesh.Trimesh(vertices, mesh.faces, process=False), 10000, seed=0)
            errors.append(1000 * metrics.chamfer(points[0], self.truths[shape].points))
        return float(np.mean(errors))


def shade(rng: np.random.Generator) -> None:
    """Give the shape in Blender's scene a texture; add a sun with shadows and a dim sky, which the image leaves out."""
    scene = bpy.context.scene
    scene.render.film_transparent = True
    scene.render.image_settings.color_mode = "RGBA"
    scene.cycles.max_bounces = 2
    scene.world = bpy.data.worlds.new("sky")
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.35, 0.38, 0.42, 1.0)
    for old in [thing for thing in scene.objects if thing.type == "LIGHT"]:
        bpy.data.objects.remove(old, do_unlink=True)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy = 3.0
    sun.rotation_euler = (rng.uniform(-0.4, 0.4) - np.pi / 2, 0.0, rng.uniform(-0.9, 0.9))  # ShapeNet's up is y
    scene.collection.objects.link(sun)
    (shape,) = (thing for thing in scene.objects if thing.type == "MESH")
    material = shape.data.materials[0]
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    matt, output = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeOutputMaterial")
    texture = nodes.new("ShaderNodeMix")
    pattern, coordinates = nodes.new(TEXTURES[rng.integers(len(TEXTURES))]), nodes.new("ShaderNodeTexCoord")
    pattern.inputs["Scale"].default_value = rng.uniform(4, 12)
    texture.data_type = "RGBA"
    first, second = rng.uniform(0.05, 0.9, size=(2, 3))
    texture.inputs[6].default_value, texture.inputs[7].default_value = (*first, 1.0), (*second, 1.0)
    links.new(coordinates.outputs["Object"], pattern.inputs["Vector"])
    links.new(pattern.outputs[1 if "Noise" not in pattern.bl_idname else 0], texture.inputs["Factor"])
    links.new(texture.outputs[2], matt.inputs["Color"])
    links.new(matt.outputs[0], output.inputs["Surface"])


def on_white(image: Image.Image) -> Image.Image:
    """An RGBA image on white."""
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def on_stripes(image: Image.Image) -> Image.Image:
    """An RGBA image before a striped wall on a floor."""
    rows, columns = np.mgrid[: image.height, : image.width]
    wall = np.where((columns // 9) % 2, 205, 175)[..., None] * np.array([1.0, 0.94, 0.82])
    floor = np.broadcast_to(np.array([120.0, 90.0, 66.0]), wall.shape)
    behind = np.where((rows > 0.7 * image.height)[..., None], floor, wall).astype(np.uint8)
    return Image.alpha_composite(Image.fromarray(behind).convert("RGBA"), image).convert("RGB")


if __name__ == "__main__":
    main()
