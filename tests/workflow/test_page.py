"""The page in a browser: Debian's chromium, without a window, a network or a server."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="takes chromium (apt-get install chromium)")


@pytest.fixture(scope="module", params=[(1200, 900), (390, 800)], ids=["wide", "phone"])
def page(micro, request):
    """The page of the micro pipeline, opened from disk; fails on any error in its console."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # software WebGL, as on a machine without a GPU; as root, chromium needs its sandbox off
        options = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"] + ["--no-sandbox"] * (os.geteuid() == 0)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        width, height = request.param
        opened = browser.new_page(viewport={"width": width, "height": height}, offline=True)
        errors = []
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto((micro / "results/gallery/index.html").as_uri())
        yield opened
        browser.close()
    assert errors == []


def shown(page, model, folder) -> np.ndarray:
    """A model of the page as a picture."""
    model.screenshot(path=folder / "model.png")
    return np.array(Image.open(folder / "model.png").convert("RGB")).astype(int)


def first_model(page):
    model = page.locator(".plot[data-drawn]:has(canvas)").first
    model.scroll_into_view_if_needed()
    model.wait_for()
    page.wait_for_timeout(1500)  # until WebGL has drawn
    return model


def test_a_model_is_drawn_and_the_arrow_keys_turn_it(page, tmp_path):
    model = first_model(page)
    before = shown(page, model, tmp_path)
    assert (np.abs(before - before[2, 2]).max(axis=2) > 30).sum() > 200  # pixels that are not background
    model.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    after = shown(page, model, tmp_path)
    assert (np.abs(after - before).max(axis=2) > 20).sum() > 100


def test_the_filters_filter(page):
    cards = page.locator("article")
    assert cards.count() == 1 + 2  # the template, and the test shapes
    models = page.locator(".plot, .none").count()
    page.get_by_label("end-to-end", exact=True).uncheck()
    assert page.locator(".plot, .none").count() == models - 3
    page.get_by_label("end-to-end", exact=True).check()
    page.get_by_label("Category").select_option("planes")
    assert "planes" in page.locator("#count").inner_text()
    page.get_by_label("Category").select_option("chairs")


def test_shapes_are_sorted_by_error(page):
    best = page.locator("article h3").all_inner_texts()[1:]
    page.get_by_label("Order").select_option("-1")
    assert page.locator("article h3").all_inner_texts()[1:] == best[::-1]
    page.get_by_label("Order").select_option("1")


def test_every_picture_has_a_text_and_nothing_is_wider_than_the_screen(page):
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator(".plot:not([aria-label])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_is_small_enough_to_send(micro):
    assert (micro / "results/gallery/index.html").stat().st_size < 30e6
