"""Errors and warnings: where they are caught, and what they tell."""

from __future__ import annotations

import os
import warnings
from typing import Optional

from typing_extensions import assert_type

import promptecho
from promptecho import errors
from promptecho.backend import Request


def caught() -> None:
    try:
        with promptecho.use_cassette("cassettes/answer.yaml", mode="none"):
            pass
    except promptecho.CassetteMiss as miss:
        assert_type(miss.request, Optional[Request])
        assert_type(miss.path, Optional[os.PathLike[str]])
        assert_type(miss.mode, str)
    except promptecho.RecordedErrorResponse as answer:
        assert_type(answer.status, int)
        assert_type(answer.url, str)
    except errors.UninterceptedCallError as call:
        assert_type(call.host, str)
        assert_type(call.library, str)
    except (errors.SettingsError, errors.CassetteFormatError) as wrong:
        as_value: ValueError = wrong
        assert as_value.args
    except errors.CassetteFileError as problem:
        as_os: OSError = problem
        assert as_os.errno
    except promptecho.PromptechoError as error:
        as_base: BaseException = error
        assert as_base.args


def warned() -> None:
    kinds: list[type[UserWarning]] = [
        promptecho.PromptechoWarning,
        promptecho.PromptechoRecordingWarning,
        errors.CassetteWarning,
        errors.UninterceptedCallWarning,
    ]
    for kind in kinds:
        warnings.simplefilter("error", kind)


def mistakes(miss: promptecho.CassetteMiss) -> None:
    as_exception: Exception = miss  # type: ignore[assignment]
    raise errors.NoSuchError from as_exception  # type: ignore[attr-defined]
