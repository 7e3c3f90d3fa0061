"""One decoder per family of transfer syntaxes, each imported when first needed.

A decoder takes the bytes of one frame that has passed the guard and gives rows x columns or rows x columns x 3 samples,
stored values as the stream has them. Colour comes out as the photometric interpretation says, except where the decoder
has already made RGB of it: then `Decoded.rgb` is true.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from pydicom import uid

from rendering.codestream import Announced, announced
from rendering.errors import CannotShow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rendering.module import PixelModule


@dataclass(frozen=True, slots=True)
class Decoded:
    """Samples of one frame, perhaps smaller than announced when a smaller one was asked for."""

    samples: NDArray[Any]
    #: The decoder has already made red, green and blue of it.
    rgb: bool = False
    #: How many bits of a sample come from the codestream, 0: as many as the header says.
    precision: int = 0


#: The last argument is a whole factor by which the decoder may make the picture smaller, or not.
Decoder: TypeAlias = Callable[[bytes, "PixelModule", Announced, int], Decoded]


def decode(data: bytes, syntax: str, module: PixelModule, shrink: int) -> Decoded:
    """One compressed frame. Raises `CannotShow`, or whatever the decoder raises."""
    if syntax == uid.RLELossless:
        return _rle(data, module)
    says = announced(data)
    if says is None:
        raise CannotShow("its compressed picture is damaged", "P10")
    _guard(says, module)
    decoded = DECODERS[syntax](data, module, says, shrink)
    samples = _held(decoded.samples, module) if syntax in _LOSSY else decoded.samples
    return replace(decoded, samples=samples, precision=says.precision)


def _held(samples: NDArray[Any], module: PixelModule) -> NDArray[Any]:
    """What a lossy codec overshoots beyond BitsStored stays white: cut to its bits it would come out black."""
    white = (1 << module.bits_stored) - 1
    exact = module.signed or module.high_bit != module.bits_stored - 1 or samples.dtype.kind != "u"
    return samples if exact or white >= np.iinfo(samples.dtype).max else np.minimum(samples, samples.dtype.type(white))


def _guard(says: Announced, module: PixelModule) -> None:
    if (says.rows, says.columns) != (module.rows, module.columns):
        raise CannotShow("its header and its compressed picture disagree about the size", "P11")
    if says.samples != module.samples or not 0 < says.precision <= module.bits_allocated:
        raise CannotShow("its header and its compressed picture disagree about the pixels", "P12")


def _rle(data: bytes, module: PixelModule) -> Decoded:
    """PS3.5 annex G: byte planes, most significant first, each colour on its own."""
    from rle.utils import decode_pixel_data  # noqa: PLC0415

    size = module.bits_allocated // 8
    flat = decode_pixel_data(
        data, version=2, rows=module.rows, columns=module.columns, bits_allocated=module.bits_allocated
    )
    planes = np.frombuffer(flat, f"<u{size}").reshape(module.samples, module.rows, module.columns)
    return Decoded(planes[0] if module.samples == 1 else np.moveaxis(planes, 0, 2))


def _jpeg(data: bytes, module: PixelModule, says: Announced, shrink: int) -> Decoded:
    """ISO 10918-1. Colour of 8 bits never goes to imagecodecs: it would not undo the colour transform."""
    if says.samples == 1:
        return _jpeg_grey(data, says, shrink)
    if says.process in _LOSSLESS_PROCESSES:
        return Decoded(_jpeg_any(data))
    if module.photometric == "RGB" and not says.says_colour:
        return Decoded(_jpeg_untransformed(data), rgb=True)
    import simplejpeg  # noqa: PLC0415

    return Decoded(simplejpeg.decode_jpeg(data, "RGB", strict=False, **_at_least(says, shrink)), rgb=True)


def _jpeg_grey(data: bytes, says: Announced, shrink: int) -> Decoded:
    if says.precision != 8 or says.process in _LOSSLESS_PROCESSES:  # noqa: PLR2004 bits
        return Decoded(_jpeg_any(data))
    import simplejpeg  # noqa: PLC0415

    return Decoded(simplejpeg.decode_jpeg(data, "GRAY", strict=False, **_at_least(says, shrink))[..., 0])


def _at_least(says: Announced, shrink: int) -> dict[str, int]:
    """The inverse DCT gives a smaller picture for less work; 0 means the full size."""
    return {} if shrink == 1 else {"min_height": says.rows // shrink, "min_width": says.columns // shrink}


def _jpeg_any(data: bytes) -> NDArray[Any]:
    """8, 12 and 16 bits, DCT and lossless; libjpeg-turbo inside."""
    import imagecodecs  # noqa: PLC0415

    return np.asarray(imagecodecs.jpeg8_decode(data))


def _jpeg_untransformed(data: bytes) -> NDArray[Any]:
    """Three components that are red, green and blue although nothing in the stream says so."""
    from PIL import Image  # noqa: PLC0415

    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        # Pillow would take them for YCbCr and transform; asking for YCbCr leaves them alone.
        image.draft("YCbCr", image.size)
        return np.asarray(image)


def _jpeg_ls(data: bytes, module: PixelModule, _: Announced, __: int) -> Decoded:
    """ISO 14495-1."""
    import jpeg_ls  # noqa: PLC0415

    # CharLS looks for a marker behind what was cut off, for ever.
    ended = data if _END_OF_IMAGE in data[-_PADDED:] else data + _END_OF_IMAGE
    buffer, info = jpeg_ls.decode_pixel_data(ended)
    samples = np.frombuffer(buffer, np.uint8 if info["bits_per_sample"] <= 8 else "<u2")  # noqa: PLR2004 bits
    if module.samples == 1:
        return Decoded(samples.reshape(module.rows, module.columns))
    if info["interleave_mode"] == 0:
        return Decoded(np.moveaxis(samples.reshape(3, module.rows, module.columns), 0, 2))
    return Decoded(samples.reshape(module.rows, module.columns, 3))


def _jpeg_2000(data: bytes, module: PixelModule, says: Announced, shrink: int) -> Decoded:
    """ISO 15444-1 by OpenJPEG; the decoder undoes ICT and RCT itself."""
    small = _jpeg_2000_small(data, module, says, shrink) if shrink > 1 else None
    if small is not None:
        return small
    from openjpeg.utils import decode as openjpeg  # noqa: PLC0415

    return Decoded(openjpeg(data), rgb=says.transformed or module.photometric in _J2K_COLOUR)


def _jpeg_2000_small(data: bytes, module: PixelModule, says: Announced, shrink: int) -> Decoded | None:
    """Fewer resolution levels by Pillow, or None where Pillow cannot be trusted with it."""
    if module.signed or module.samples != 1 or not 1 < says.precision <= 16:  # noqa: PLR2004 bits
        return None
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(data), formats=["JPEG2000"]) as image:
            image.reduce = shrink.bit_length() - 1  # type: ignore[method-assign, assignment]
            samples = np.asarray(image)
    except (OSError, ValueError):
        return None
    # Pillow scales to the full 8 or 16 bits.
    return Decoded(samples >> (8 * samples.dtype.itemsize - says.precision))


def _htj2k(data: bytes, module: PixelModule, says: Announced, shrink: int) -> Decoded:
    """ISO 15444-15 by OpenJPH, which is five times as quick, else by OpenJPEG."""
    import imagecodecs  # noqa: PLC0415

    # What the overshoot below wraps to must not be a value: one bit to spare.
    bits = min(says.precision, module.high_bit + 1)
    skipped = shrink.bit_length() - 1 if bits < _WORD and module.samples == 1 and not module.signed else 0
    try:
        samples = np.asarray(imagecodecs.htj2k_decode(data, skipres=(skipped, skipped) if skipped else None))
    except (RuntimeError, ValueError):
        return _jpeg_2000(data, module, says, 1)
    rgb = says.transformed or module.photometric in _J2K_COLOUR
    return Decoded(_unwrapped(samples, bits) if skipped else samples, rgb=rgb)


def _unwrapped(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """At a lower resolution the wavelet overshoots; OpenJPH wraps what falls below 0 to 65535."""
    white = (1 << bits) - 1
    wrapped = samples.astype(np.int32)
    wrapped[wrapped > (1 << 15) + white // 2] -= 1 << 16
    return np.clip(wrapped, 0, white).astype(np.uint16)


_J2K_COLOUR = frozenset({"YBR_ICT", "YBR_RCT", "RGB"})
_WORD = 16
_END_OF_IMAGE, _PADDED = b"\xff\xd9", 64
_LOSSLESS_PROCESSES = frozenset({0xC3, 0xC7, 0xCB, 0xCF})

DECODERS: dict[str, Decoder] = {
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    uid.JPEGLossless: _jpeg,
    uid.JPEGLosslessSV1: _jpeg,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.JPEG2000: _jpeg_2000,
    uid.HTJ2KLossless: _htj2k,
    uid.HTJ2KLosslessRPCL: _htj2k,
    uid.HTJ2K: _htj2k,
}
_LOSSY = frozenset({uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K})
#: What `decode` takes; everything else is either native or not shown.
COMPRESSED = frozenset({*DECODERS, uid.RLELossless})
NATIVE = frozenset(
    {
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    }
)
