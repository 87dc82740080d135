"""The page, in Gradio: its parts, and what happens when one of them is used.

Nothing here imports Gradio before a page is built: it is an optional package, and takes seconds.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from template3d.app import drawing, pieces
from template3d.app.actions import GUESS, START, Actions
from template3d.app.models import SLIDERS
from template3d.app.reconstructor import Reconstructor
from template3d.geometry import meshes
from template3d.runtime.errors import InputError

STEPS = 3.0
"""Standard deviations to either side that a slider offers."""
CAMERA = (228.0, 68.0, 2.6)
"""Where the shape is first seen from: angle about the vertical, angle from it, and distance."""
LARGEST_FILE = "200mb"
"""As ``limits.image_mb`` in the configuration."""
ONE_AT_A_TIME = {"concurrency_id": "shape", "concurrency_limit": 1, "api_visibility": "private"}
"""Events share the processor's cores: shapes are computed one after another."""


class Page:
    """The page of a reconstructor."""

    def __init__(self, reconstructor: Reconstructor, folder: Path, examples: Sequence[Path] = ()) -> None:
        """``folder`` takes the files that the page shows; ``examples`` are photos to click on.

        Raises InputError if Gradio is not installed.
        """
        try:
            import gradio
        except ImportError as missing:
            raise InputError(
                "the app needs Gradio: run `make app` in the repository, or `pip install '.[app]'` elsewhere"
            ) from missing
        self.gr, self.models, self.examples = gradio, reconstructor.models, examples
        self.actions = Actions(reconstructor, folder, gradio.update)

    def launch(self, port: int, wait: bool = True) -> Any:
        """Serve the page to this machine alone, with ``wait`` until it is interrupted; returns Gradio's blocks."""
        themes = self.gr.themes
        theme = themes.Default(primary_hue="blue", neutral_hue="slate", font="sans-serif", font_mono="monospace")
        blocks = self.build()
        blocks.launch(
            server_name="127.0.0.1",
            server_port=port,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            run_history=False,
            footer_links=[],
            max_file_size=LARGEST_FILE,
            quiet=True,
            theme=theme,
            css=pieces.CSS,
            prevent_thread_lock=not wait,
        )
        return blocks

    def build(self) -> Any:
        """The blocks of the page."""
        gr = self.gr
        with gr.Blocks(title="template3d", analytics_enabled=False, delete_cache=(600, 10800)) as blocks:
            self.seen, self.shape = gr.State(), gr.State()
            gr.HTML(pieces.header(self.models))
            with gr.Row():
                with gr.Column(scale=2, min_width=300):
                    self._add_photo()
                with gr.Column(scale=3, min_width=300):
                    self._add_shape()
            self.neighbours = gr.HTML(elem_id="neighbours")
            with gr.Row():
                with gr.Column(min_width=300):
                    self._add_cut_out()
                with gr.Column(min_width=300):
                    self._add_sliders()
                with gr.Column(min_width=300):
                    self._add_second()
            self._add_events()
        return blocks

    def _add_photo(self) -> None:
        gr, models = self.gr, self.models
        self.photo = self._image("Photo", 300, "photo")
        if self.examples:
            files = [[str(file)] for file in self.examples]
            gr.Examples(files, [self.photo], label="Views of the demo's test shapes, to try")
        with gr.Row():
            categories = [(name, name) for name in models.categories]
            if len(categories) > 1:
                categories.insert(0, ("guess from the photo", GUESS))
            self.category = gr.Dropdown(categories, label="Category", min_width=120, elem_id="category")
            methods = [(pieces.method_name(method), method) for method in models.methods]
            self.method = gr.Dropdown(methods, label="Method", min_width=120)

    def _add_shape(self) -> None:
        gr = self.gr
        self.status = gr.HTML(pieces.status(START), elem_id="status")
        label = "Shape: drag to turn, scroll to zoom"
        self.model = gr.Model3D(label=label, height=420, camera_position=CAMERA, interactive=False, elem_id="shape")
        colours = [("plain", False), ("by position in the template", True)]
        self.colour = gr.Radio(colours, value=False, label="Colour", elem_id="colour")
        with gr.Row():
            self.formats = {
                suffix: gr.Button(f"Save {suffix[1:].upper()}", min_width=60, elem_id=f"save-{suffix[1:]}")
                for suffix in meshes.WRITERS
            }
        self.download = gr.DownloadButton("Download", elem_id="download", elem_classes="unseen")

    def _add_cut_out(self) -> None:
        gr = self.gr
        gr.Markdown(
            "### Correct the cut-out\nPaint white over what is not the object, and erase to bring it back. A blue line "
            "across the object, from corner to corner, keeps only the box around it."
        )
        self.cut_out = gr.ImageEditor(
            show_label=False,
            type="pil",
            format="png",
            sources=[],
            transforms=[],
            height=400,
            brush=gr.Brush(colors=[drawing.PAINT, drawing.LINE], color_mode="fixed"),
            buttons=[],
            layers=gr.LayerOptions(allow_additional_layers=False),
            elem_id="cut-out",
        )
        self.again = gr.Button("Reconstruct from this cut-out", elem_id="again")

    def _add_sliders(self) -> None:
        gr = self.gr
        gr.Markdown(
            "### Change the shape\nAlong the main directions of the training shapes' codes, in standard deviations."
        )
        self.sliders = [
            gr.Slider(-STEPS, STEPS, 0, step=0.1, label=f"Direction {index + 1}", elem_id=f"direction-{index + 1}")
            for index in range(SLIDERS)
        ]
        self.reset_button = gr.Button("Reset", elem_id="reset")

    def _add_second(self) -> None:
        self.gr.Markdown("### Between two photos\nAdd a second photo of the same category.")
        self.second = self._image("Second photo", 240, "second")
        self.between = self.gr.Slider(
            0, 1, 0, step=0.05, label="From the first (0) to the second (1)", elem_id="between"
        )

    def _image(self, label: str, height: int, name: str) -> Any:
        image = self.gr.Image(
            label=label,
            type="filepath",
            sources=["upload", "clipboard", "webcam"],
            height=height,
            buttons=[],
            elem_id=name,
        )
        # the file itself: Gradio would decode it, fail on a broken one, and drop what photos.read makes use of
        image.preprocess = lambda file: file and file.path
        return image

    def _add_events(self) -> None:
        act = self.actions
        controls = [self.between, *self.sliders]
        reconstructed = {
            "fn": act.reconstruct,
            "inputs": [self.seen, self.category, self.method],
            "outputs": [self.shape, self.seen, self.status, *controls],
            "show_progress_on": [self.model],
            **ONE_AT_A_TIME,
        }
        changed = {"outputs": [self.shape, self.status, *controls], **ONE_AT_A_TIME}
        shown = {
            "fn": act.show,
            "inputs": [self.shape, self.seen, self.colour],
            "outputs": [self.model, self.neighbours],
            "show_progress": "hidden",
            **ONE_AT_A_TIME,
        }
        quick = {"show_progress": "hidden", **ONE_AT_A_TIME}
        read = self.photo.change(act.read, [self.photo], [self.seen, self.cut_out, self.status], **quick)
        drawn = self.again.click(act.redraw, [self.seen, self.cut_out], [self.seen, self.cut_out, self.status], **quick)
        remade = [read.then(**reconstructed), drawn.then(**reconstructed)]
        remade += [choice.input(**reconstructed) for choice in (self.category, self.method)]
        remade += [
            self.reset_button.click(act.reset, [self.shape], **changed),
            self.second.change(act.add_second, [self.shape, self.second], **changed),
        ]
        remade += [
            control.input(
                act.change,
                [self.shape, *controls],
                [self.shape, self.status],
                trigger_mode="always_last",  # while a slider moves, positions in between are left out
                show_progress="hidden",
                **ONE_AT_A_TIME,
            )
            for control in controls
        ]
        for event in remade:
            event.then(**shown)
        self.colour.input(**shown)
        for suffix, button in self.formats.items():
            written = button.click(
                partial(act.write, suffix),
                [self.shape, self.colour],
                [self.download, self.status],
                **ONE_AT_A_TIME,
            )
            written.then(None, js=pieces.CLICK_DOWNLOAD)
