"""stub"""

EXAMPLE = ""


def search() -> None:
    """stub"""
