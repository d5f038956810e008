"""Training data: from videos, lists and kits to one compact dataset, and reading it back."""
