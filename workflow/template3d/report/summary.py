"""What a run made and where to look, in a few lines."""

from pathlib import Path


def summary(results: Path) -> str:
    """One line for each kind of result that is in the folder, and how to reconstruct a photo; "" if there is none."""
    models = sorted(results.glob("models/*/two_phase")) or sorted(results.glob("models/*/end_to_end"))
    lines = {
        "page": ("gallery/index.html", "every test shape to turn; open it in a browser"),
        "pictures": ("pictures", "<category>.png: views, truth and reconstructions"),
        "table": ("tables/table1.md", "Chamfer distances and other measures, with the baselines"),
    }
    if models:
        command = f".venv/bin/template3d reconstruct --model {models[0]} photo.jpg -o shape.glb"
        lines["models"] = ("models", f"your own photo: {command}")
    there = [(name, results / path, what) for name, (path, what) in lines.items() if (results / path).exists()]
    width = max((len(str(path)) for _, path, _ in there), default=0)
    return "\n".join(f"{name:9} {path!s:{width}}  {what}" for name, path, what in there)


if __name__ == "__main__":
    print(summary(Path("results")))
