"""The operations, from a file to a file: they call the rooms below and do nothing themselves.

A module for each, so that a command loads no more than it needs.
"""
