"""Pictures that explain what was found, drawn with Pillow."""
