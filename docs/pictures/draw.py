"""Draws what the registrar sees from a real run: `carrierbag demo --once --out DIR`, then `draw.py DIR PICTURE`.

Every line and picture comes from the events that the registrar's client decrypted. Needs chromium.
"""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
import tempfile
from pathlib import Path

STYLE = """
body{margin:0;width:390px;background:#15191e;color:#ebeef2;font:15px/1.35 Inter,'Noto Sans',sans-serif}
header{padding:14px 16px;background:#1d2228;font-weight:600} header small{display:block;font-weight:400;color:#8d99a5}
main{padding:8px 12px} .who{color:#66a0ff;font-weight:600;margin:10px 0 2px} .me .who{color:#5bc88f}
.bubble{background:#22282f;border-radius:10px;padding:8px 10px;margin:4px 0;white-space:pre-line;overflow-wrap:anywhere}
img{width:150px;border-radius:8px;display:block;margin-bottom:4px} .row{display:flex;gap:8px}
.row .bubble{flex:1;font-size:11px} .row img{width:100%}
.file{display:flex;gap:10px;align-items:center} .file b{font-size:24px}
"""


def page(out: Path) -> str:
    """The chat of one run as HTML."""
    result = json.loads((out / "result.json").read_text("utf-8"))
    previews, parcels = iter(result["previews"]), iter(result["parcels"])
    head, pictures, rest = "", "", ""
    for event in result["events"]:
        if event["msgtype"] == "m.image":
            pictures += _picture(out, next(previews))
        elif event["msgtype"] == "m.file":
            rest += _file(next(parcels))
        elif "Sent: " in event["body"]:  # the last edit of the first message
            head = _bubble(event["body"].removeprefix("* "))
        elif not head:
            head = _bubble(event["body"])
    asked = _bubble(result["seconds"][0]["command"])
    return (
        f"<meta charset=utf-8><style>{STYLE}</style><header>Orthopaedics on call"
        "<small>Encrypted, by invitation only</small></header><main>"
        f"<div class=me><div class=who>clinician</div>{asked}</div>"
        f"<div class=who>carrierbag</div>{head}<div class=row>{pictures}</div>{rest}</main>"
    )


def _bubble(text: str) -> str:
    return f"<div class=bubble>{html.escape(text)}</div>"


def _picture(out: Path, preview: dict[str, str]) -> str:
    data = base64.b64encode((out / preview["file"]).read_bytes()).decode()
    caption = html.escape(preview["caption"])
    return f'<div class=bubble><img src="data:image/jpeg;base64,{data}">{caption}</div>'


def _file(parcel: dict[str, object]) -> str:
    name = html.escape(Path(str(parcel["file"])).name)
    return (
        f"<div class='bubble file'><b>&#128230;</b><div>{name}<br>{int(str(parcel['bytes'])) / 1e6:.1f} MB</div></div>"
    )


def main(out: Path, picture: Path) -> None:
    """Draw it at the size of a phone."""
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "chat.html"
        source.write_text(page(out), "utf-8")
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
        ]
        size = ["--window-size=390,844", "--force-device-scale-factor=2", f"--user-data-dir={work}/profile"]
        shot = f"--screenshot={picture.absolute()}"
        subprocess.run(["chromium", *options, *size, shot, source.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
