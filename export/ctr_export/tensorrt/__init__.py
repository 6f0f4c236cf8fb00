"""TensorRT plans: what to build, on what machine, and whether the result may be served.

Only `engine.py` calls TensorRT, and it has not yet been run on a GPU.
"""
