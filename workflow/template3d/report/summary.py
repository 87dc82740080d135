"""A short summary of a run's results and their paths."""

from pathlib import Path


def summary(results: Path) -> str:
    """One line per kind of result in the folder, and the command to reconstruct a photo; "" without results."""
    models = sorted(results.glob("models/*/two_phase")) or sorted(results.glob("models/*/end_to_end"))
    lines = {
        "page": ("gallery/index.html", "every test shape in 3D; open it in a browser"),
        "pictures": ("pictures", "<category>.png: views, ground truth and reconstructions"),
        "table": ("tables/table1.md", "Chamfer distances and other measures, with the baselines"),
    }
    if models:
        command = f".venv/bin/template3d reconstruct --model {models[0]} photo.jpg -o shape.glb"
        lines["models"] = ("models", f"your own photo: {command}")
    existing = [(name, results / path, what) for name, (path, what) in lines.items() if (results / path).exists()]
    width = max((len(str(path)) for _, path, _ in existing), default=0)
    return "\n".join(f"{name:9} {path!s:{width}}  {what}" for name, path, what in existing)


if __name__ == "__main__":
    print(summary(Path("results")))
