"""Import this where previews will be made, before the first is asked for: it loads what `render` would load then.

For the fork server's preload list: every worker forked from it starts with all of it in memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib

from rendering import letters

_FOR_EVERY_PICTURE = ("rendering.frame", "rendering.montage", "rendering.encode", "rendering.preview", "rendering.view")
#: A page is drawn in a process of its own, which would load them each time.
_FOR_PAGES = (
    "rendering.guides",
    "rendering.documents",
    "rendering.report",
    "rendering.told",
    "rendering.ecg",
    "rendering.pdf",
    "pypdfium2",
)
_FOR_PARCELS = ("rendering.quicklook", "rendering.recode")
_DECODERS = (
    "simplejpeg",
    "openjpeg.utils",
    "jpeg_ls",
    "rle.utils",
    "imagecodecs",
    "PIL.JpegImagePlugin",
    "PIL.Jpeg2KImagePlugin",
)

for _name in (*_FOR_EVERY_PICTURE, *_FOR_PAGES, *_FOR_PARCELS, *_DECODERS):
    importlib.import_module(_name)
# imagecodecs loads each codec when it is first asked for.
for _name in ("jpeg8_decode", "htj2k_decode", "htj2k_encode", "jpegls_encode"):
    getattr(importlib.import_module("imagecodecs"), _name)
letters.preload()
# Free heap that importing left behind would be copied into every worker: 30 to 40 MB. Only glibc has the call.
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).malloc_trim(0)
