"""The page in a browser: Debian's chromium, without a window, a network or a server."""

import base64
import os
import shutil
import urllib.parse
from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="takes chromium (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # software WebGL, as on a machine without a GPU; as root, chromium needs its sandbox off
        options = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] + ["--no-sandbox"] * (os.geteuid() == 0)
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield opened
        opened.close()


def opened(browser, micro, errors, **options):
    """The page of the micro pipeline, opened from disk; ``errors`` collects those in its console."""
    page = browser.new_context(offline=True, **options).new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(120_000)  # the machine may be busy
    page.goto((micro / "results/gallery/index.html").as_uri())
    return page


@pytest.fixture(params=[(1400, 900), (400, 800)], ids=["wide", "phone"])
def page(micro, browser, request):
    errors = []
    width, height = request.param
    page = opened(browser, micro, errors, viewport={"width": width, "height": height})
    yield page
    page.context.close()
    assert errors == []


def decoded(address: str) -> Image.Image:
    """The image of a data URL, on white."""
    image = Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def pixels(canvas) -> np.ndarray:
    return np.array(decoded(canvas.evaluate("canvas => canvas.toDataURL()"))).astype(int)


def canvases(page, row):
    """The canvases of a row, drawn: those of the template are in row 0, those of the photo in row 1."""
    article = page.locator("article").nth(row)
    article.scroll_into_view_if_needed()
    drawn = "row => rows[row].cards.every(card => card.canvas.dataset.drawn)"
    page.wait_for_function(drawn, arg=row)
    page.wait_for_timeout(400)  # until the next frame
    return article.locator("canvas")


def difference(before, after) -> int:
    """The number of pixels that changed."""
    return int((np.abs(after - before).max(axis=2) > 25).sum())


def silhouette(picture) -> np.ndarray:
    """The pixels that are not white."""
    return picture.min(axis=2) < 243


def test_the_switch_changes_the_colours_of_reconstructions_only(page):
    shapes = canvases(page, 2)
    truth, reconstruction = shapes.nth(0), shapes.nth(1)
    seen = {}
    for colours in ("colours", "grey", "errors"):
        page.locator("#colours").select_option(colours)
        page.wait_for_timeout(400)
        seen[colours] = pixels(truth), pixels(reconstruction)
        assert page.locator("#scale").is_visible() == (colours == "errors")
    for first, second in (("colours", "grey"), ("grey", "errors"), ("colours", "errors")):
        assert difference(seen[first][0], seen[second][0]) < 50
        assert difference(seen[first][1], seen[second][1]) > 1000
    assert "0.05" in page.locator("#farthest").inner_text()


def test_one_drag_turns_all_shapes_alike_and_0_turns_them_back(page):
    shapes = canvases(page, 2)
    before = [pixels(shapes.nth(index)) for index in (0, 1)]
    box = shapes.nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    page.wait_for_timeout(400)
    after = [pixels(shapes.nth(index)) for index in (0, 1)]
    assert all(difference(*pair) > 1000 for pair in zip(before, after, strict=True))
    assert page.evaluate("turned.azimuth") == pytest.approx(0.5)
    poses = page.evaluate(
        "rows[2].cards.map(() => posed(rows[2].camera, turned.azimuth, turned.elevation).turn.map(v => +v.toFixed(6)))"
    )
    assert poses[0] == poses[1]
    shapes.nth(0).focus()
    page.keyboard.press("0")
    page.wait_for_timeout(400)
    for index in (0, 1):
        assert difference(before[index], pixels(shapes.nth(index))) < 50


def test_arrow_keys_turn_and_the_wheel_zooms_a_shape_that_has_the_focus(page):
    shape = canvases(page, 2).nth(0)
    before = pixels(shape)
    shape.hover()
    page.evaluate("window.scrolledBefore = window.scrollY")
    shape.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    turned = pixels(shape)
    assert difference(before, turned) > 1000
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(400)
    assert silhouette(pixels(shape)).sum() > 1.5 * silhouette(turned).sum()
    assert page.evaluate("window.scrollY === window.scrolledBefore")


def test_the_wheel_scrolls_the_page_over_a_shape_without_the_focus(page):
    canvases(page, 0).nth(0).hover()
    before = page.evaluate("window.scrollY")
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(400)
    assert page.evaluate("window.scrollY") > before
    assert page.evaluate("turned.zoom") == 1


def test_shapes_are_seen_as_on_the_picture_and_fill_their_cards(page):
    truth, *reconstructions = (silhouette(pixels(canvas)) for canvas in canvases(page, 2).all())
    height, width = truth.shape
    picture = decoded(page.locator("article").nth(2).locator("img").get_attribute("src"))
    view = silhouette(np.array(picture.resize((width, height))))
    assert (truth & view).sum() / (truth | view).sum() > 0.7  # the picture has 48 pixels a side
    rows, columns = np.nonzero(np.logical_or.reduce([truth, *reconstructions]))
    assert max(np.ptp(rows) / height, np.ptp(columns) / width) > 0.85


def test_photos_and_templates_can_be_turned_too(page):
    for row in (0, 1):
        shape = canvases(page, row).nth(0)
        before = pixels(shape)
        shape.focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(400)
        assert difference(before, pixels(shape)) > 300


def test_every_download_is_a_mesh(page, micro):
    links = [link.get_attribute("href") for link in page.locator("a[download]").all()]
    assert len(links) == 2 + 2 + 2 * 2  # both methods: of the template, the photo and two test shapes
    for link in links:
        content = (micro / "results/gallery" / urllib.parse.unquote(link)).read_bytes()
        (mesh,) = trimesh.load_scene(BytesIO(content), file_type="glb").geometry.values()
        assert len(mesh.faces)


def test_each_shape_has_the_numbers_of_all_methods_and_baselines(page):
    lines = page.locator("article").nth(2).locator(".compared th").all_inner_texts()
    baselines = ["retrieval", "oracle retrieval", "fitted code", "the template", "random training shape"]
    assert lines == ["two-phase", "end-to-end", *baselines]


def test_the_filters_filter(page):
    cards = page.locator("article")
    assert cards.count() == 1 + 1 + 2  # the template, the photo and the test shapes
    models = page.locator(".row canvas, .none").count()
    page.get_by_label("end-to-end", exact=True).uncheck()
    assert page.locator(".row canvas, .none").count() == models - 4
    page.get_by_label("fitted code", exact=True).check()
    assert page.locator(".row canvas, .none").count() == models - 4 + 2
    page.get_by_label("Category").select_option("planes")
    assert "planes" in page.locator("#explained").inner_text()


def test_shapes_are_sorted_by_error(page):
    best = page.locator("article h3").all_inner_texts()[2:]
    page.get_by_label("Order").select_option("-1")
    assert page.locator("article h3").all_inner_texts()[2:] == best[::-1]


def test_table_1_is_that_of_the_markdown(page, micro):
    lines = (micro / "results/tables/table1.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    first = rows[: next(index for index, row in enumerate(rows) if index > 1 and set("".join(row)) <= set(":-"))]
    grid = page.locator(".wide table").first
    shown = [line.locator("th, td").all_inner_texts() for line in grid.locator("tr").all()]
    expected = [row for row in first if not set("".join(row)) <= set(":-")]
    assert shown == expected[: len(shown)]
    assert len(shown) > 6


def test_every_picture_has_a_text_and_nothing_is_wider_than_the_screen(page):
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator("canvas:not([aria-label])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("scheme", "darkness"), [("light", 255), ("dark", 0)])
def test_the_page_is_dark_where_the_system_is(browser, micro, scheme, darkness):
    errors = []
    page = opened(browser, micro, errors, color_scheme=scheme)
    corner = np.array(Image.open(BytesIO(page.screenshot())).convert("RGB"))[3, 3]
    assert np.abs(corner.astype(int) - darkness).max() < 40
    assert errors == []


def test_the_page_is_small_enough_to_send(micro):
    assert (micro / "results/gallery/index.html").stat().st_size < 30e6
