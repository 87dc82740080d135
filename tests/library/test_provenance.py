from pathlib import Path

from template3d.runtime import provenance

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))


def modules(script):
    return {file.relative_to(provenance.PACKAGE).as_posix() for file in provenance.used_modules(script)}


def test_a_script_uses_what_it_imports_however_far_and_nothing_else():
    used = modules(REPOSITORY / "scripts/train_embeddings.py")
    assert {"networks/losses.py", "networks/warp.py", "training/loop.py", "data/samples.py", "data/archives.py"} <= used
    assert not {"data/views.py", "data/images.py"} & used
    assert (
        not {"training/pictures.py", "geometry/isosurface.py", "rendering/previews.py"} & used
    )  # these only draw pictures
    assert not {"rendering/cameras.py", "rendering/blender.py", "training/encoder.py", "evaluation/metrics.py"} & used
    assert "networks/encoder.py" in modules(REPOSITORY / "scripts/train_encoder.py")
    assert not any("training" in name for name in modules(REPOSITORY / "scripts/render.py"))


def test_an_edit_of_a_used_module_changes_its_digest_and_no_other(tmp_path, monkeypatch):
    package = tmp_path / "template3d"
    package.mkdir()
    for name, text in {"__init__": "", "a": "from template3d import b\n", "b": "x = 1\n", "c": "y = 1\n"}.items():
        (package / f"{name}.py").write_text(text)
    script = tmp_path / "script.py"
    script.write_text("import template3d.a\n")
    monkeypatch.setattr(provenance, "PACKAGE", package)

    def digest():
        provenance._imports.cache_clear()
        provenance._digest.cache_clear()
        provenance._names.cache_clear()
        return provenance.code_digests(script)

    before = digest()
    assert list(before) == ["scripts/script.py", "__init__.py", "a.py", "b.py"]
    (package / "c.py").write_text("y = 2\n")
    assert digest() == before
    (package / "b.py").write_text("x = 2\n")
    changed = digest()
    assert {name for name in before if changed[name] != before[name]} == {"b.py"}


def test_the_pinned_versions_of_imported_packages_count_and_no_others(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text(
        "numpy==1.26.4\n    # via -r requirements.in\nbpy==5.0.1\nEmbreex==4.4.0\nlibigl==2.6.3\ntorch==2.13.0\n"
    )
    script = REPOSITORY / "scripts/sdf.py"
    versions = {"embreex": "4.4.0", "libigl": "2.6.3", "numpy": "1.26.4"}
    assert provenance.package_versions(script, pins) == versions


def test_no_script_that_renders_uses_networks_or_training():
    used = [modules(script) for script in SCRIPTS]
    with_blender = [names for names in used if "rendering/blender.py" in names]
    assert with_blender
    assert not [name for names in with_blender for name in names if name.startswith(("networks/", "training/"))]
