"""Loads `function_app.py` and indexes its functions by the rules of the Functions Python worker.

An app that the real worker would refuse is refused here: parameters must be named like the bindings, annotations must
suit them, there is exactly one app object, and every `%SETTING%` must resolve.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import os
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import azure.durable_functions  # noqa: F401 (registers the durable converters)
import azure.functions as func
from azure.functions import meta

from local.host.host_json import BadHostJsonError, resolve

_log = logging.getLogger(__name__)

HTTP: Final = "httpTrigger"
TIMER: Final = "timerTrigger"
QUEUE: Final = "queueTrigger"
ORCHESTRATION: Final = "orchestrationTrigger"
ACTIVITY: Final = "activityTrigger"
ENTITY: Final = "entityTrigger"
CLIENT: Final = "durableClient"
_TRIGGERS: Final = frozenset({HTTP, TIMER, QUEUE, ORCHESTRATION, ACTIVITY, ENTITY})
_OTHER_BINDINGS: Final = frozenset({CLIENT, "http"})
_DURABLE_NAME: Final = {ORCHESTRATION: "orchestration", ACTIVITY: "activity", ENTITY: "entity_name"}


class BadAppError(Exception):
    """The app cannot be loaded. The message names the function and what is wrong."""


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function."""

    name: str
    kind: str
    """Type of its trigger."""
    parameter: str
    """Name of the parameter that the trigger binds."""
    trigger: Any
    call: Callable[..., Any]
    clients: tuple[str, ...]
    """Parameters that take a durable client."""
    wants_context: bool
    is_async: bool

    @property
    def durable_name(self) -> str:
        """The name by which orchestrators know it: the trigger's own, or the function's."""
        return getattr(self.trigger, _DURABLE_NAME.get(self.kind, ""), None) or self.name

    def setting(self, name: str, default: str = "") -> str:
        """A text of the trigger with its `%SETTING%`s resolved."""
        return resolve(str(getattr(self.trigger, name, None) or default))


@dataclass(slots=True)
class Index:
    """The app's functions. The names of the durable ones are lower-cased keys, for they are case-insensitive."""

    functions: list[Function] = field(default_factory=list)
    orchestrators: dict[str, Function] = field(default_factory=dict)
    activities: dict[str, Function] = field(default_factory=dict)
    entities: dict[str, Function] = field(default_factory=dict)

    def of_kind(self, kind: str) -> Iterable[Function]:
        """The functions with that trigger."""
        return (function for function in self.functions if function.kind == kind)


def load_app(folder: Path) -> Any:
    """Imports the folder's `function_app.py` and returns its app object. Raises BadAppError."""
    file = folder / "function_app.py"
    if not file.exists():
        raise BadAppError(f"there is no {file}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("function_app", file)
    if spec is None or spec.loader is None:
        raise BadAppError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    spec.loader.exec_module(module)
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(apps) != 1:
        raise BadAppError(f"{file} must hold exactly one FunctionApp or DFApp at its top level; it holds {len(apps)}")
    return apps[0]


def index_app(app: Any, environment: Mapping[str, str] | None = None) -> Index:
    """Indexes an app object's functions. Raises BadAppError for what the worker or this host cannot run."""
    settings = os.environ if environment is None else environment
    index = Index()
    names: set[str] = set()
    tables = {ORCHESTRATION: index.orchestrators, ACTIVITY: index.activities, ENTITY: index.entities}
    try:
        found_functions = app.get_functions()
    except ValueError as error:  # the SDK's own checks, such as two functions of one name
        raise BadAppError(str(error)) from None
    for found in found_functions:
        function = _function(found)
        if function.name.lower() in names:
            raise BadAppError(f"there are two functions named {function.name}")
        names.add(function.name.lower())
        if _disabled(function.name, settings):
            _log.warning("function is disabled", extra={"function": function.name})
            continue
        table = tables.get(function.kind)
        if table is not None:
            if function.durable_name.lower() in table:
                raise BadAppError(f"{function.name}: there are two durable functions named {function.durable_name}")
            table[function.durable_name.lower()] = function
        index.functions.append(function)
    return index


def _disabled(name: str, settings: Mapping[str, str]) -> bool:
    key = f"AzureWebJobs.{name}.Disabled"
    return (settings.get(key) or settings.get(key.replace(".", "_")) or "").lower() in ("true", "1")


def _function(found: Any) -> Function:
    name, trigger, call = found.get_function_name(), found.get_trigger(), found.get_user_function()
    if trigger is None:
        raise BadAppError(f"{name} has no trigger")
    kind = trigger.get_binding_name()
    bindings = [binding for binding in found.get_bindings() if binding.name != "$return"]
    for binding in found.get_bindings():
        if binding.get_binding_name() not in _TRIGGERS | _OTHER_BINDINGS:
            raise BadAppError(f"{name}: the local host has no binding {binding.get_binding_name()!r}")
    parameters = dict(inspect.signature(call).parameters)
    bound = {binding.name: binding for binding in bindings}
    wants_context = "context" in parameters and "context" not in bound
    if wants_context:
        del parameters["context"]
    if parameters.keys() != bound.keys():
        raise BadAppError(
            f"{name}: the parameters {sorted(parameters)} must be named like the bindings {sorted(bound)}"
        )
    _check_annotations(name, call, bound)
    try:
        for key in ("route", "schedule", "queue_name", "connection"):
            resolve(str(getattr(trigger, key, None) or ""))
    except BadHostJsonError as error:
        raise BadAppError(f"{name}: {error}") from None
    is_async = inspect.iscoroutinefunction(call)
    clients = tuple(binding.name for binding in bindings if binding.get_binding_name() == CLIENT)
    return Function(name, kind, trigger.name, trigger, call, clients, wants_context, is_async)


def _check_annotations(name: str, call: Callable[..., Any], bound: Mapping[str, Any]) -> None:
    """A parameter's annotation must suit its binding, as the worker asks of it."""
    target = inspect.unwrap(call)
    try:
        hints = typing.get_type_hints(call)
    except (NameError, TypeError) as error:
        raise BadAppError(f"{name}: an annotation of {target.__qualname__} cannot be resolved: {error}") from None
    for parameter, hint in hints.items():
        binding = bound.get(parameter)
        if binding is None or not isinstance(hint, type):
            continue
        converter = meta.get_binding_registry().get(binding.get_binding_name())
        if converter is not None and not converter.check_input_type_annotation(hint):
            raise BadAppError(
                f"{name}: the parameter {parameter} has the type {hint.__name__}, "
                f"which does not suit its binding {binding.get_binding_name()}"
            )
