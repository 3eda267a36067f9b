"""Code that the chapters mark with #@save. Written by `bookc build lib`; edit those."""

__all__ = [
    "shape",
]


# part/cells
def shape(n):
    """The shape of n images."""
    return (n, 8, 8, 3)
