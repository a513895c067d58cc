#!/usr/bin/env python3
"""Draws the images of the example templates: a footbridge on the template's colour. Needs Python's standard library only.

    python3 examples/draw-images.py
"""
import pathlib, struct, zlib

TEMPLATES = pathlib.Path(__file__).parent / "tenants" / "demo" / "templates"
# template: background (as in its template.toml), and the lighter colour that the strip fades to
COLOURS = {
    "event-ticket": ((0x3A, 0x10, 0x30), (0x8A, 0x2C, 0x5A)),
    "vip": ((0x1A, 0x1A, 0x1E), (0xB0, 0x8D, 0x57)),
    "season-ticket": ((0x0F, 0x2F, 0x3F), (0x1F, 0x7A, 0x86)),
    "member-card": ((0x12, 0x3D, 0x2C), (0x3C, 0x8C, 0x5C)),
}
SAMPLES = 3  # a pixel's edge, for smooth curves


def bridge(x, y):
    """Is there bridge at x, y of the unit square? A deck, an arch below it, and four hangers."""
    if 0.08 <= x <= 0.92 and 0.60 <= y <= 0.67:
        return True
    arch = 0.60 - 0.40 * (1 - ((x - 0.5) / 0.40) ** 2)
    if 0.10 <= x <= 0.90 and arch - 0.035 <= y <= arch + 0.035:
        return True
    return any(abs(x - at) < 0.014 and arch <= y <= 0.60 for at in (0.26, 0.42, 0.58, 0.74))


def coverage(px, py, left, top, size):
    hits = 0
    for i in range(SAMPLES):
        for j in range(SAMPLES):
            x = (px + (i + 0.5) / SAMPLES - left) / size
            y = (py + (j + 0.5) / SAMPLES - top) / size
            hits += 0 <= x <= 1 and 0 <= y <= 1 and bridge(x, y)
    return hits / SAMPLES**2


def mix(low, high, share):
    return tuple(round(a + (b - a) * share) for a, b in zip(low, high))


def png(path, width, height, pixel):
    """`pixel` answers red, green, blue and alpha."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in pixel(x, y)) for y in range(height))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


for template, (dark, light) in COLOURS.items():
    folder = TEMPLATES / template / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for scale, suffix in ((1, ""), (2, "@2x"), (3, "@3x")):
        icon = 38 * scale
        png(folder / f"icon{suffix}.png", icon, icon,
            lambda x, y: mix(dark, (255, 255, 255), coverage(x, y, 0, 0, icon)) + (255,))
        size = 50 * scale
        png(folder / f"logo{suffix}.png", size, size,
            lambda x, y: (255, 255, 255, round(255 * coverage(x, y, 0, 0, size))))
        width, height = 375 * scale, 144 * scale
        png(folder / f"strip{suffix}.png", width, height,
            lambda x, y: mix(light, dark, y / (height - 1)) + (255,))
