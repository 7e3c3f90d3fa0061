"""The straightforward way from a DICOM file to a JPEG: pydicom's pixel_array and apply_*_lut, then Pillow.

As its documentation shows it, with the decoders that it tells people to install. A program of its own, run by
`bench.renderers` with the peers' Python: none of our code is in it. One JSON order a line, one answer a line.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import time
from typing import Any

import numpy as np
import pydicom
from PIL import Image, ImageDraw
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

QUALITY = 88


def shown(path: str) -> Image.Image:
    """The first frame in full size."""
    data_set = pydicom.dcmread(path)
    pixels = data_set.pixel_array
    if data_set.get("NumberOfFrames", 1) > 1:
        pixels = pixels[0]
    if data_set.SamplesPerPixel > 1:  # pixel_array has made RGB of it
        return Image.fromarray(pixels)
    seen = apply_voi_lut(apply_modality_lut(pixels, data_set), data_set)
    low, high = seen.min(), seen.max()
    grey = ((seen - low) / (high - low) * 255).astype(np.uint8)
    return Image.fromarray(255 - grey if data_set.PhotometricInterpretation == "MONOCHROME1" else grey)


def picture(files: list[str], edge: int, columns: int) -> Image.Image:
    """One file with a long edge of `edge`, or a sheet of numbered tiles of that edge."""
    if columns == 1:
        image = shown(files[0])
        image.thumbnail((edge, edge))
        return image
    sheet = Image.new("L", (columns * edge, -(-len(files) // columns) * edge))
    for place, file in enumerate(files):
        tile = shown(file)
        tile.thumbnail((edge, edge))
        ImageDraw.Draw(tile).text((2, 2), str(place + 1), 255)
        sheet.paste(tile, (place % columns * edge, place // columns * edge))
    return sheet


def _answer(order: dict[str, Any]) -> dict[str, object]:
    started = time.perf_counter()
    file = io.BytesIO()
    picture(order["files"], order["edge"], order["columns"]).save(file, "JPEG", quality=QUALITY)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "jpeg": base64.b64encode(file.getvalue()).decode()}


def main() -> None:
    """Answer orders until there are no more. What pydicom cannot do is an answer too."""
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said
            answer = {"failure": type(error).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
