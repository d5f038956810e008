"""pixelmix: remix a video's sound by where it comes from in the picture."""

__version__ = "0.1.0"
