"""Entry point of the Functions app: registers the blueprints of triggers, orchestrators and activities, nothing else."""

import importlib
import pkgutil
from types import ModuleType

import azure.durable_functions as df

import activities
import orchestrators
import triggers

app = df.DFApp()


def _blueprints(folder: ModuleType) -> None:
    for found in pkgutil.iter_modules(folder.__path__):
        blueprint = getattr(importlib.import_module(f"{folder.__name__}.{found.name}"), "bp", None)
        if blueprint is not None:
            app.register_functions(blueprint)


for _folder in (activities, orchestrators, triggers):
    _blueprints(_folder)
