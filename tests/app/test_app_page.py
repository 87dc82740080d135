"""The app in a browser: Debian's chromium, without a window, that reaches this machine only.

make test-app
"""

import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))

import stages
from template3d.app import command
from template3d.networks import models

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="takes chromium (apt-get install chromium)")
pytest.importorskip("gradio", reason="takes Gradio (make test-app, or python3 envs/install.py app)")
FEWER_FRAMES = "{ const at = requestAnimationFrame; requestAnimationFrame = f => setTimeout(() => at(f), 150); }"
"""Software WebGL would keep a core busy with 60 frames a second."""
PATIENCE = 120_000
"""Milliseconds; the machine may be busy."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of an app with two small models, in which a code matters."""
    folder = tmp_path_factory.mktemp("app")
    model = stages.sphere_model()
    torch.nn.init.normal_(model.decoder.warp.affine.weight, std=0.3)
    for category in ("chairs", "planes"):
        weights = folder / "models" / category / "two_phase/model.safetensors"
        weights.parent.mkdir(parents=True)
        models.save(model, weights, weights.with_suffix(".json"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(dir=folder) as files:
        blocks = command.serve(folder / "models", port, resolution=32, folder=Path(files), wait=False)
        yield f"http://127.0.0.1:{port}/"
        blocks.close()


@pytest.fixture(scope="module", params=[(1400, 1000), (400, 800)], ids=["wide", "phone"])
def page(server, request):
    """The page in a browser; fails on any request to another machine, and on any error in its console."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # no name of another machine has an address; software WebGL; as root, chromium needs its sandbox off
        options = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        options += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] + ["--no-sandbox"] * (os.geteuid() == 0)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        width, height = request.param
        opened = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        opened.set_default_timeout(PATIENCE)
        opened.add_init_script(FEWER_FRAMES)
        elsewhere, errors = [], []
        own = (server, server.replace("http", "ws", 1), "data:", "blob:")
        opened.on("request", lambda sent: None if sent.url.startswith(own) else elsewhere.append(sent.url))
        opened.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(server)
        yield opened
        browser.close()
    assert elsewhere == []
    assert errors == []


def is_error(message) -> bool:
    """Whether a message of the console is an error of the page.

    A shape is drawn by WebGL where there is no WebGPU, as here; the browser's own compositor says what it lacks.
    """
    texts_of_the_browser = ("WebGPU", "No draw texture found for layer")
    return message.type == "error" and not any(text in message.text for text in texts_of_the_browser)


def photo(folder: Path, colour: str = "firebrick") -> Path:
    """A photo of a disc before a plain wall."""
    image = Image.new("RGB", (160, 120), "#e8e8e8")
    ImageDraw.Draw(image).ellipse((40, 20, 120, 100), fill=colour)
    image.save(folder / f"{colour}.png")
    return folder / f"{colour}.png"


def status(page, pattern: str) -> str:
    """The status, as soon as it matches."""
    line = page.locator("#status").get_by_text(re.compile(pattern))
    line.wait_for()
    return page.locator("#status").inner_text()


def file_shown(page) -> str:
    """The address of the file whose shape is shown."""
    return page.locator("#shape a[href]").first.get_attribute("href")


def drawn(page, folder: Path, instead_of: str = "") -> np.ndarray:
    """The shape as a picture, when it no longer changes, and is not that of the file ``instead_of``."""
    canvas = page.locator("#shape canvas")
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    while file_shown(page) == instead_of:
        page.wait_for_timeout(500)
    last = None
    for _ in range(60):
        page.wait_for_timeout(500)
        canvas.screenshot(path=folder / "shape.png")
        now = np.array(Image.open(folder / "shape.png").convert("RGB")).astype(int)[
            60:-10, 10:-10
        ]  # without the buttons
        if last is not None and last.shape == now.shape and (last == now).all() and covered(now) > 0.02:
            return now
        last = now
    raise AssertionError("no shape is drawn")


def covered(picture: np.ndarray) -> float:
    """The share of a picture that differs from its lower left corner."""
    return float((np.abs(picture - picture[-1, 0]).max(axis=2) > 20).mean())


@pytest.fixture(scope="module")
def shape(page, tmp_path_factory):
    """The picture of a photo's shape; the tests that use it leave the page with this shape."""
    folder = tmp_path_factory.mktemp("shape")
    page.locator("#photo input[type=file]").set_input_files(photo(folder))
    status(page, "two-phase, in")
    return drawn(page, folder)


def test_a_photo_becomes_a_shape_with_its_neighbours(page, shape):
    assert covered(shape) > 0.02
    assert page.locator("#neighbours figure img[alt]").count() == 2 + 2  # of the two training shapes
    assert "Background: plain, removed." in page.locator("#status").inner_text()
    assert re.search(r"in \d+\.\d s", page.locator("#status").inner_text())
    page.locator("#cut-out canvas").first.wait_for()


def test_a_slider_changes_the_shape_and_reset_brings_it_back(page, shape, tmp_path):
    file, preview = file_shown(page), page.locator("#neighbours img").nth(1)
    own = preview.get_attribute("src")
    page.locator("#direction-1 input[type=range]").fill("0.6")
    status(page, "Changed in")
    changed = drawn(page, tmp_path, instead_of=file)
    assert (np.abs(changed - shape).max(axis=2) > 20).mean() > 0.005
    assert preview.get_attribute("src") != own
    file = file_shown(page)
    page.locator("#reset").click()
    drawn(page, tmp_path, instead_of=file)
    assert preview.get_attribute("src") == own
    assert page.locator("#direction-1 input[type=range]").input_value() == "0"


@pytest.mark.usefixtures("shape")
@pytest.mark.parametrize("suffix", ["glb", "obj", "ply", "stl"])
def test_each_download_is_a_mesh(page, tmp_path, suffix):
    with page.expect_download() as saved:
        page.locator(f"#save-{suffix}").click()
    assert saved.value.suggested_filename == f"firebrick.{suffix}"
    saved.value.save_as(tmp_path / f"shape.{suffix}")
    mesh = trimesh.load(tmp_path / f"shape.{suffix}", force="mesh")
    assert len(mesh.faces) > 100
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 1.5


@pytest.mark.usefixtures("shape")
def test_colours_are_those_of_the_template(page, tmp_path):
    page.locator("#colour").get_by_text("by position").click()
    with page.expect_download() as saved:
        page.locator("#save-ply").click()
    saved.value.save_as(tmp_path / "shape.ply")
    assert len(np.unique(trimesh.load(tmp_path / "shape.ply").visual.vertex_colors, axis=0)) > 50
    page.locator("#colour").get_by_text("plain").click()


@pytest.mark.usefixtures("shape")
def test_a_second_photo_gives_a_shape_in_between(page, tmp_path):
    page.locator("#second input[type=file]").set_input_files(photo(tmp_path, "navy"))
    status(page, "Changed in")
    page.wait_for_function("document.querySelector('#between input[type=number]').value === '0.5'")


@pytest.mark.usefixtures("shape")
def test_paint_on_the_cut_out_is_what_the_encoder_does_not_see(page):
    canvas, seen = page.locator("#cut-out canvas").first, page.locator("#neighbours img").first
    before = seen.get_attribute("src")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=8)
    page.mouse.up()
    page.locator("#again").click()
    status(page, "Background: as drawn.")
    page.wait_for_function("before => document.querySelector('#neighbours img').src !== before", arg=before)


def test_a_broken_file_is_told_in_a_sentence(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    page.locator("#photo input[type=file]").set_input_files(tmp_path / "broken.png")
    told = status(page, "cannot be read as an image")
    assert "broken.png: cannot be read as an image" in told
    assert "Traceback" not in page.content()


def test_nothing_is_wider_than_the_screen(page):
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
