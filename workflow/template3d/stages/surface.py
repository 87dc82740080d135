"""What the sampling of surfaces makes of one shape."""

from pathlib import Path

from template3d import meshes, shapenet, surfaces, visibility


def one_shape(file: Path, way: meshes.Normalization, settings: dict) -> dict[str, bytes]:
    """Sample the visible surface of a mesh in ShapeNet's frame; the files are that and the way into the unit sphere."""
    synset, shape = shapenet.ids(file)
    rng = shapenet.generator(shape, settings["seed"], "surface")
    mesh = meshes.without_doubles(meshes.load(file))
    points, normals = visibility.sample_visible(mesh, settings["surface"]["points"], settings["sdf"]["directions"], rng)
    return {
        surfaces.member_name(synset, shape): surfaces.to_bytes(points, normals),
        surfaces.normalization_name(synset, shape): way.to_bytes(),
    }
