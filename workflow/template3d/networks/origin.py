"""What a model has seen: the fact of its description that says what to expect of it."""

from pathlib import Path
from typing import Any, NamedTuple

from template3d.runtime.errors import InputError

MOST_SHAPES = 10**7


class Origin(NamedTuple):
    """The shapes that a model was trained on. All their views are rendered; none is a photo."""

    category: str
    shapes: int
    """How many."""
    built_in: bool
    """Whether they are the demo's."""

    def __str__(self) -> str:
        """What the model has seen, in words."""
        what = "simple built-in demo shapes" if self.built_in else "meshes"
        return f"{self.shapes} {what} ({self.category}), as rendered pictures; it has never seen a real photo"

    @property
    def advice(self) -> str:
        """What the model has seen and, for a demo, what not to expect of it."""
        return f"this model learned from {self}{': do not expect the shape of a real object' * self.built_in}"

    @classmethod
    def checked(cls, fact: Any, description: Path) -> "Origin | None":
        """From the entry of a description, None for a model that has none; raises InputError for a wrong type."""
        if fact is None:
            return None
        try:
            origin = cls(**fact)
        except TypeError:
            origin = None
        if origin is None or [*map(type, origin)] != [str, int, bool] or not 1 <= origin.shapes <= MOST_SHAPES:
            raise InputError(
                f"{description}: trained_on is {fact!r:.80}, but must give category, shapes and built_in: "
                "copy the model's folder again"
            )
        return origin
