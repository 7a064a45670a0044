"""`python -m bench.projector.program ops|projector …`: sellstream's programs with one more read model, flat_orders.

It is the benchmark's alone: declared like the others, and known to no other program.
"""

import runpy
import sys

from bench.projector.flat_orders.project import READ_MODEL
from libs.read_models import READ_MODELS

PROGRAMS = {"ops": "services.ops.cli", "projector": "services.projector"}

if __name__ == "__main__":
    READ_MODELS[READ_MODEL.name] = READ_MODEL
    runpy.run_module(PROGRAMS[sys.argv.pop(1)], run_name="__main__", alter_sys=True)
