"""Whatever ends a job badly, as `ErrorInfo`: short, for people, without secrets."""

from __future__ import annotations

import errno

from pydantic import ValidationError

from holdfast.model.errors import DiskFull, ErrorInfo, Forbidden, HoldfastError, InvalidInput, Unavailable
from holdfast.worker.redaction import redact, shorten

#: Results travel through histories, which hold no long texts.
MAX_DETAIL = 1_500


def error_info(error: BaseException) -> ErrorInfo:
    """The error as data. What Holdfast did not foresee gets the code `internal` and one redacted line."""
    info = _recognised(error).info()
    return info.model_copy(update={"detail": shorten(redact(info.detail), MAX_DETAIL), "help": redact(info.help)})


def _recognised(error: BaseException) -> HoldfastError:
    if isinstance(error, HoldfastError):
        return error
    if isinstance(error, ValidationError):
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        return InvalidInput(f"the job document cannot be read ({where})")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull("the worker's disk had no room left")
    return _of_azure(error) or HoldfastError(_line(error))


def _of_azure(error: BaseException) -> HoldfastError | None:
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ServiceRequestError,
        ServiceResponseError,
    )

    if isinstance(error, ClientAuthenticationError):
        return Forbidden(f"the worker's identity was refused: {_line(error)}")
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Unavailable(_line(error))
    if isinstance(error, HttpResponseError):
        if error.status_code in (401, 403):
            return Forbidden(_line(error))
        if error.status_code is None or error.status_code in (408, 429) or error.status_code >= 500:
            return Unavailable(_line(error))
    return None


def _line(error: BaseException) -> str:
    text = str(error).strip()
    first = text.splitlines()[0] if text else ""
    return f"{type(error).__name__}: {shorten(first, 300)}" if first else type(error).__name__
