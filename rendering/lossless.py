"""One frame compressed without loss and proved to be so, or uncompressed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import HTJ2KLossless, JPEGLSLossless, RLELossless

from rendering.codecs import COMPRESSED, decode
from rendering.errors import CannotShow
from rendering.values import stored_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rendering.module import PixelModule

_LEAST_BITS = 2


def compressed(data: bytes, module: PixelModule, wanted: Sequence[str]) -> tuple[str, bytes]:
    """One frame of native little-endian cells in the first of `wanted` that can hold it, and which that is.

    Grey values and palette indexes only: of colour, deflate makes less than JPEG-LS does. Raises `CannotShow` where no
    coding gives every bit of every cell back.
    """
    if module.samples != 1 or module.real or module.bits_allocated not in {8, 16}:
        raise CannotShow("its pixels are not of a kind that is compressed", "P50")
    if module.high_bit != module.bits_stored - 1 or module.bits_stored < _LEAST_BITS:
        raise CannotShow("its pixels do not fill their cells from below", "P51")
    cells = np.frombuffer(data, f"<u{module.bits_allocated // 8}").reshape(module.rows, module.columns)
    values = _stored(cells, module)
    for syntax in wanted:
        if _holds(syntax, module):
            frame = _ENCODERS[syntax](values, module)
            _check(frame, syntax, values, module)
            return syntax, frame
    raise CannotShow("no compression that the receiver can open suits it", "P52")


def uncompressed(data: bytes, syntax: str, module: PixelModule) -> tuple[bytes, str]:
    """One compressed frame as native little-endian cells, colour by pixel, and its photometric interpretation."""
    if syntax not in COMPRESSED or module.bits_allocated not in {8, 16, 32}:
        raise CannotShow("its compression is not one that we can decode", "P14")
    decoded = decode(data, syntax, module, 1)
    photometric = "RGB" if decoded.rgb and module.samples > 1 else module.photometric
    if module.samples > 1 and photometric not in {"RGB", "YBR_FULL"}:
        raise CannotShow("its colours have no uncompressed form of their own", "P53")
    cells = decoded.samples
    if syntax != RLELossless:  # that has whole cells, whatever their bits mean
        if module.high_bit != module.bits_stored - 1:
            raise CannotShow("its pixels do not fill their cells from below", "P51")
        cells = stored_values(cells, module, decoded.precision, signed=module.signed)
    return np.ascontiguousarray(cells).astype(f"<{cells.dtype.kind}{module.bits_allocated // 8}").tobytes(), photometric


def _stored(cells: NDArray[Any], module: PixelModule) -> NDArray[Any]:
    """The stored bits alone. The others must follow from them: 0, or what the sign makes of them."""
    values: NDArray[Any] = cells & cells.dtype.type((1 << module.bits_stored) - 1)
    again = stored_values(values, module, module.bits_stored, signed=module.signed)
    if not np.array_equal(again.view(cells.dtype), cells):
        raise CannotShow("there is more in the cells of its pixels than the pixels", "P54")
    return values


def _holds(syntax: str, module: PixelModule) -> bool:
    """Our HTJ2K encoder writes whole cells only; the stream has to say what the header says (PS3.5 section 8.2.4)."""
    return syntax == JPEGLSLossless or module.bits_stored == module.bits_allocated


def _check(frame: bytes, syntax: str, values: NDArray[Any], module: PixelModule) -> None:
    decoded = np.ascontiguousarray(decode(frame, syntax, module, 1).samples)
    if decoded.dtype.itemsize != values.dtype.itemsize or not np.array_equal(decoded.view(values.dtype), values):
        raise CannotShow("compressing it does not give the same pixels back", "P55")


def _jpeg_ls(values: NDArray[Any], module: PixelModule) -> bytes:
    """ISO 14495-1 with BitsStored bits. imagecodecs' is half as quick again, and takes whole cells only."""
    if module.bits_stored == module.bits_allocated:
        import imagecodecs  # noqa: PLC0415

        return bytes(imagecodecs.jpegls_encode(values))
    import jpeg_ls  # noqa: PLC0415

    form = {"rows": module.rows, "columns": module.columns, "samples_per_pixel": 1, "bits_stored": module.bits_stored}
    return bytes(jpeg_ls.encode_pixel_data(values.tobytes(), **form))


def _htj2k(values: NDArray[Any], module: PixelModule) -> bytes:
    """ISO 15444-15, reversible, with the sign that the pixels have."""
    import imagecodecs  # noqa: PLC0415

    signed = values.view(f"i{values.dtype.itemsize}") if module.signed else values
    return bytes(imagecodecs.htj2k_encode(signed, reversible=True))


_ENCODERS: dict[str, Callable[[NDArray[Any], PixelModule], bytes]] = {
    JPEGLSLossless: _jpeg_ls,
    HTJ2KLossless: _htj2k,
}
