from pathlib import Path

import pytest
from template3d import provenance

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))


def modules(script):
    return {file.relative_to(provenance.PACKAGE).as_posix() for file in provenance.used_modules(script)}


def test_a_script_uses_what_it_imports_however_far_and_nothing_else():
    used = modules(REPOSITORY / "scripts/train_embeddings.py")
    assert {"losses.py", "networks/warp.py", "training/loop.py", "samples.py", "archives.py"} <= used
    assert not {"cameras.py", "blender.py", "training/encoder.py", "metrics.py"} & used
    assert "networks/encoder.py" in modules(REPOSITORY / "scripts/train_encoder.py")
    assert not any("training" in name for name in modules(REPOSITORY / "scripts/render.py"))


def test_an_edit_of_a_used_module_changes_the_digest_and_another_does_not(tmp_path, monkeypatch):
    package = tmp_path / "template3d"
    package.mkdir()
    for name, text in {"__init__": "", "a": "from template3d import b\n", "b": "x = 1\n", "c": "y = 1\n"}.items():
        (package / f"{name}.py").write_text(text)
    script = tmp_path / "script.py"
    script.write_text("import template3d.a\n")
    monkeypatch.setattr(provenance, "PACKAGE", package)

    def digest():
        provenance._imports.cache_clear()
        return provenance.code_digest(script)

    before = digest()
    (package / "c.py").write_text("y = 2\n")
    assert digest() == before
    (package / "b.py").write_text("x = 2\n")
    assert digest() != before


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_no_script_reaches_across_rooms(script):
    used = modules(script)
    if "blender.py" in used:
        assert not any(name.startswith(("networks/", "training/")) for name in used)
