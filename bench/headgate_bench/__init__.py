"""The benchmark of Headgate: every figure beside the floor that it is measured against (`./dev bench`).

A figure is a module of `figures` with a `FIGURE`; it is found by being there.  `figure.py` says what one consists of.
"""
