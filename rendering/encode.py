"""Pictures to bytes: JPEG within a limit, thumbnail, blurhash."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import blurhash_rs
import numpy as np
import simplejpeg
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Tried one after the other; what is still too large is made smaller.
QUALITIES = (88, 80, 72, 64)
_SHRINK = 0.85
_FAR_SMALLER = 0.5
#: A blurhash has no more detail than this.
_HASH_EDGE = 32
_HASH_PARTS = (4, 3)


def within(image: Image.Image, limit: int) -> tuple[bytes, int, int]:
    """(JPEG of at most `limit` bytes, width, height): the best quality that fits, then a smaller size."""
    while True:
        for quality in QUALITIES:
            data = jpeg(image, quality)
            if len(data) <= limit:
                return data, *image.size
        image = image.resize([max(1, int(edge * _SHRINK)) for edge in image.size], Image.Resampling.HAMMING)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """JPEG of a picture of mode L or RGB."""
    pixels: NDArray[Any] = np.asarray(image)
    if pixels.ndim == 2:  # noqa: PLR2004 grey
        return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels)[..., None], quality, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "420"))


def png(image: Image.Image) -> bytes:
    """Without loss. Level 1: a third of the time of level 6, and a few percent more bytes for noisy pixels."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def smaller(image: Image.Image, edge: int) -> Image.Image:
    """The picture with a long edge of at most `edge`."""
    scale = min(1.0, edge / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # A box that covers one pixel here and two there makes words ragged; far smaller, it is as good as any and quicker.
    way = Image.Resampling.BOX if scale <= _FAR_SMALLER else Image.Resampling.HAMMING
    return image.resize(size, way, reducing_gap=2.0)


def blurhash(image: Image.Image) -> str:
    """What a client shows while the picture loads (MSC2448)."""
    small = smaller(image, _HASH_EDGE)
    return str(blurhash_rs.blurhash_encode(small, *_HASH_PARTS))
