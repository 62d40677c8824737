"""`/openapi.json`: what FastAPI reads from the routes, and the models of the answers beside it.

The routes do not know those models. FastAPI would make a validator of its own for each answer of each route, errors
too, at every start of the server: most of the time that a start took, for a description that few ask for.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from trackkit.contract.catalogue import OPERATIONS
from trackkit.contract.operation import PREFIX, Octets, Operation
from trackkit.contract.wire import WireError, status_of
from trackkit.domain.errors import InvalidInput, NotAllowed, NotLoggedIn, ServerFault, TrackkitError


def answers_of(operation: Operation[Any, Any]) -> dict[int | str, dict[str, Any]]:
    """What an operation can answer with, in words, by status; octets whole, as they have no model."""
    answers: dict[int | str, dict[str, Any]] = {}
    for cls in sorted(_errors(operation), key=lambda cls: cls.code):
        status = status_of(cls(""))
        known = answers.get(status, {}).get("description", "")
        answers[status] = {"description": f"{known}, {cls.code}".strip(", ")}
    if issubclass(operation.response, Octets):
        answers[200] = {"description": "The octets, as they are made", "content": {"application/octet-stream": {}}}
    return answers


def _errors(operation: Operation[Any, Any]) -> set[type[TrackkitError]]:
    """What an operation can answer with, its own errors and everybody's."""
    everybodys: set[type[TrackkitError]] = {InvalidInput, ServerFault}
    if operation.role is not None or operation.realm == "project":
        everybodys |= {NotLoggedIn, NotAllowed}
    return everybodys | set(operation.errors)


def describe(app: FastAPI) -> None:
    """Let the description of `app` have the models of its answers, too; it is made when somebody first asks for it."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            _add_models(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _add_models(made: dict[str, Any]) -> None:
    models: set[type[BaseModel]] = {operation.response for operation in OPERATIONS.values()} | {WireError}
    wanted = sorted((model for model in models if not issubclass(model, Octets)), key=lambda model: model.__qualname__)
    schemas, found = models_json_schema(
        [(model, "serialization") for model in wanted], ref_template="#/components/schemas/{model}"
    )
    made["components"]["schemas"] |= found["$defs"]
    for operation in OPERATIONS.values():
        answers = made["paths"][PREFIX + operation.path][operation.method.lower()]["responses"]
        for status, answer in answers.items():
            if status != "200":
                answer["content"] = {"application/json": {"schema": schemas[WireError, "serialization"]}}
            elif not issubclass(operation.response, Octets):
                answer["content"] = {"application/json": {"schema": schemas[operation.response, "serialization"]}}
