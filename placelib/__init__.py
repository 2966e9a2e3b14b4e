"""placelib: needs and outcomes analytics for a place."""

__version__ = "0.1.0"
