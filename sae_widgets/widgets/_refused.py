"""The error of a trait that cannot take a value."""

import traitlets


class RefusedError(traitlets.TraitError, ValueError):
    """A value a widget cannot take: traitlets rolls the trait back, the page is told, a caller sees a ValueError."""
