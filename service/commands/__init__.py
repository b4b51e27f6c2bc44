"""The commands of `trialhook`: each parses, calls one use case, and prints."""
