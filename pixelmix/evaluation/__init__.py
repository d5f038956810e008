"""Measuring how well a model separates, localises and stays silent, next to other methods."""
