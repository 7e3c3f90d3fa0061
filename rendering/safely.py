"""Decoders written in C and Rust meet bytes that nobody vouches for: whatever they throw becomes one sentence."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

from rendering.errors import CannotShow

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Everything that bad input causes inside leaves as `CannotShow`.

    A panic in Rust is a `BaseException` of pyo3's, which `except Exception` misses. KeyboardInterrupt, SystemExit and
    a cancelled task pass: they are about us, not about the file.
    """
    try:
        with warnings.catch_warnings():
            # pydicom warns with the offending values, which may be a patient's.
            warnings.simplefilter("ignore")
            yield
    except CannotShow:
        raise
    except MemoryError:
        raise CannotShow("it needs more memory than there is", "P15") from None
    except OSError:
        raise CannotShow("its file or its picture cannot be read", "P16") from None
    except Exception:  # noqa: BLE001 see above
        raise CannotShow("its header or its picture is damaged", "P17") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise CannotShow("its picture is damaged", "P18") from None
