"""Writes tests/goldens/odd: small images that programs show in different ways, because they are cut, damaged or odd.

    python tests/reference/odd_images.py && node tests/browser/draw.js

What Chromium shows of them, beside them as <file>.shown.png, is drawn by the second command.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parents[1] / "goldens" / "odd"
FOLDER.mkdir(exist_ok=True)
WIDTH, HEIGHT = 72, 50
rng = np.random.default_rng(17)
x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
COLOURS = np.uint8(np.stack([x * 3, y * 5, 255 - x - y], axis=2))
COLOURS[10:22, 15:40] = [250, 240, 60]
OTHER = np.ascontiguousarray(COLOURS[::-1, ::-1, [2, 0, 1]])
ALPHA = np.uint8(np.clip(x * 6 - 60, 0, 255))


def encoded(pixels, format, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


def write(name, contents):
    (FOLDER / name).write_bytes(contents)


def cuts(name, contents, shares):
    """The file without its end, by the percentage that is left."""
    stem, ending = name.split(".")
    for share in shares:
        write(f"{stem}-{share}.{ending}", contents[: len(contents) * share // 100])


# JPEG
SETTINGS = {"quality": 85, "subsampling": "4:2:0"}
orientation = Image.Exif()
orientation[0x0112] = 6
baseline = encoded(COLOURS, "JPEG", **SETTINGS)
progressive = encoded(COLOURS, "JPEG", progressive=True, **SETTINGS)
thumbnail = encoded(OTHER[::2, ::2], "JPEG")
video = b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x0c\xff\xd9" * 3 + rng.bytes(300)
scans = [i for i in range(len(progressive)) if progressive[i : i + 2] == b"\xff\xda"]
scan = baseline.index(b"\xff\xda")
middle = scan + (len(baseline) - scan) // 2
write("video-behind.jpg", baseline + video)
write("video-behind-progressive.jpg", progressive + video)
write("image-behind.jpg", baseline + encoded(OTHER, "JPEG"))
write("image-within.jpg", baseline[:2] + b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + baseline[2:])
write("fill-bytes.jpg", baseline[:2] + b"\xff\xff" + baseline[2:])
write("end-within-scan.jpg", baseline[:middle] + b"\xff\xd9" + baseline[middle:])
write("no-end.jpg", baseline[:-2])
write("half-an-end.jpg", baseline[:-1])
write("no-end-progressive.jpg", progressive[:-2])
write("no-last-scans.jpg", progressive[: scans[5]] + b"\xff\xd9")
cuts("cut.jpg", baseline, (75, 85, 95))
cuts("cut-444.jpg", encoded(COLOURS, "JPEG", subsampling="4:4:4"), (70, 80))
cuts("cut-grey.jpg", encoded(COLOURS[:, :, 0], "JPEG"), (80,))
cuts("cut-turned.jpg", encoded(COLOURS, "JPEG", exif=orientation, **SETTINGS), (85,))
cuts("cut-progressive.jpg", progressive, (95,))


# PNG and APNG
def chunk(kind, data, crc=None):
    checksum = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(*chunks, alpha=False, interlaced=False, colours=None):
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, colours or (6 if alpha else 2), 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def deflated(pixels, interlaced=False):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    images = [pixels[b::d, a::c] for a, b, c, d in passes] if interlaced else [pixels]
    return zlib.compress(b"".join(b"\0" + row.tobytes() for image in images for row in image))


data = deflated(COLOURS)
transparent = np.dstack([COLOURS, ALPHA])
small = np.ascontiguousarray(OTHER[:20, :30])
plain = png((b"IDAT", data))
exif = (b"eXIf", orientation.tobytes()[6:])
write("no-iend.png", plain[:-12])
write("no-last-checksum.png", plain[:-16])
write("wrong-data-checksum.png", png((b"IDAT", data, 7)))
write("wrong-text-checksum.png", png((b"tEXt", b"a\0b", 7), (b"IDAT", data)))
write("wrong-adler.png", png((b"IDAT", data[:-4] + b"\0\0\0\0")))
write("bytes-behind.png", plain + rng.bytes(100))
for gamma in (100000, 10000):
    write(f"gamma-{gamma}.png", png((b"gAMA", struct.pack(">I", gamma)), (b"IDAT", data)))
write("gamma-srgb.png", png((b"gAMA", struct.pack(">I", 100000)), (b"sRGB", b"\0"), (b"IDAT", data)))
# Pixels of twelve colours, and a palette of five.
indexed = [(b"PLTE", COLOURS[5, ::14][:5].tobytes()), (b"IDAT", deflated(np.uint8((x // 5 + y // 7) % 12)))]
write("short-palette.png", png(*indexed, colours=3))
write("short-palette-faded.png", png(indexed[0], (b"tRNS", bytes([255, 200, 150, 255, 90])), indexed[1], colours=3))
write("short-palette-partly-faded.png", png(indexed[0], (b"tRNS", bytes([60])), indexed[1], colours=3))
write("exif-6.png", png(exif, (b"IDAT", data)))
write("exif-6-behind.png", png((b"IDAT", data), exif))
cuts("cut.png", plain, (30, 70))
cuts("cut-alpha.png", png((b"IDAT", deflated(transparent)), alpha=True), (60,))
cuts("cut-interlaced.png", png((b"IDAT", deflated(COLOURS, True)), interlaced=True), (10, 60))


def frame(number, width, height, left=0, top=0, blend=0):
    return b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, left, top, 1, 10, 0, blend)


def frame_data(number, pixels):
    return b"fdAT", struct.pack(">I", number) + deflated(pixels)


def animation(frames):
    return b"acTL", struct.pack(">II", frames, 0)


whole, hidden = frame(0, WIDTH, HEIGHT), (b"IDAT", data)
write("first-frame.apng", png(animation(2), whole, hidden, frame(1, WIDTH, HEIGHT), frame_data(2, OTHER)))
write("default-hidden.apng", png(animation(1), hidden, whole, frame_data(1, OTHER)))
write("default-hidden-small.apng", png(animation(1), hidden, frame(0, 30, 20, 25, 11), frame_data(1, small)))
blended = (frame(0, WIDTH, HEIGHT, blend=1), frame_data(1, transparent[::-1]))
write("default-hidden-blend.apng", png(animation(1), (b"IDAT", deflated(transparent)), *blended, alpha=True))
write("animation-behind.apng", png(hidden, animation(1), whole, frame_data(1, OTHER)))
write("animation-checksum.apng", png((*animation(1), 7), hidden, whole, frame_data(1, OTHER)))
half_frame = png(animation(1), hidden, whole, frame_data(1, OTHER))
write("default-hidden-cut.apng", half_frame[: -12 - len(deflated(OTHER)) // 2])


# GIF
def lzw(indices):
    """Nine bits a code, a clear code every 254."""
    codes = [code for i in range(0, len(indices), 254) for code in (256, *indices[i : i + 254])] + [257]
    bits = sum(int(code) << 9 * i for i, code in enumerate(codes))
    packed = bits.to_bytes((9 * len(codes) + 7) // 8, "little")
    blocks = [packed[i : i + 255] for i in range(0, len(packed), 255)]
    return b"\x08" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


INDICES = np.uint8((x // 3 + y * 5) % 250)


def gif(width, height, left=0, top=0, transparent=None, interlaced=False, end=b";", colours=256):
    palette = np.uint8(np.stack([np.arange(256), np.arange(256)[::-1], np.arange(256) * 7 % 256], 1)).tobytes()
    size = colours.bit_length() - 2
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF0 + size, 9, 0) + palette[: 3 * colours]
    control = b"" if transparent is None else b"\x21\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    image = b"\x2c" + struct.pack("<HHHHB", left, top, WIDTH, HEIGHT, 0x40 if interlaced else 0)
    rows = [*range(0, HEIGHT, 8), *range(4, HEIGHT, 8), *range(2, HEIGHT, 4), *range(1, HEIGHT, 2)]
    return screen + control + image + lzw(INDICES[rows if interlaced else slice(None)].reshape(-1)) + end


write("screen-1x1.gif", gif(1, 1))
write("screen-0x0.gif", gif(0, 0))
write("screen-narrow.gif", gif(30, 90))
write("frame-beyond.gif", gif(80, 60, 40, 33))
write("frame-inside.gif", gif(120, 90, 20, 11))
write("holes.gif", gif(WIDTH, HEIGHT, transparent=33))
write("interlaced.gif", gif(WIDTH, HEIGHT, interlaced=True))
write("short-palette.gif", gif(WIDTH, HEIGHT, transparent=70, colours=64))
write("no-trailer.gif", gif(WIDTH, HEIGHT, end=b""))
write("bytes-behind.gif", gif(WIDTH, HEIGHT) + rng.bytes(100))
several = dict(save_all=True, append_images=[Image.fromarray(OTHER)], duration=60_000)
write("two-frames.gif", encoded(COLOURS, "GIF", **several))
cuts("cut.gif", gif(WIDTH, HEIGHT), (50, 90))
cuts("cut-beyond.gif", gif(1, 1, 5, 7), (60,))
cuts("cut-interlaced.gif", gif(WIDTH, HEIGHT, interlaced=True), (40, 80))

# WebP
lossy, lossless = encoded(COLOURS, "WEBP", quality=80), encoded(COLOURS, "WEBP", lossless=True)
write("exif-6.webp", encoded(COLOURS, "WEBP", lossless=True, exif=orientation))
write("bytes-behind.webp", lossy + rng.bytes(100))


def riff(*chunks):
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def number(value):
    return struct.pack("<I", value)[:3]


frame_header = number(10) + number(6) + number(WIDTH - 1) + number(HEIGHT - 1) + number(100) + b"\0"
canvas = (b"VP8X", b"\x12\0\0\0" + number(119) + number(89)), (b"ANIM", b"\x20\x40\xff\xff\0\0")
write("frame-inside.webp", riff(*canvas, (b"ANMF", frame_header + lossless[12:])))

write("two-frames.webp", encoded(COLOURS, "WEBP", lossless=True, **several))

# BMP
bitmap = encoded(COLOURS, "BMP")
write("bytes-behind.bmp", bitmap + rng.bytes(100))


def bitmap_with_alpha():
    rows = np.dstack([COLOURS[::-1, :, ::-1], ALPHA[::-1]]).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, WIDTH, HEIGHT, 1, 32, 3, len(rows), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48) + struct.pack("<IIII", 4, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 138 + len(rows), 0, 0, 138) + header + masks + rows


write("alpha.bmp", bitmap_with_alpha())
cuts("cut.bmp", bitmap, (60,))

# Transparency: what is seen is not what is stored.
invisible = np.where(y[..., None] < 25, 255, 0)
write("hidden.png", encoded(np.uint8(np.dstack([COLOURS, invisible])), "PNG"))
write("drawn-in-alpha.png", encoded(np.uint8(np.dstack([np.zeros_like(COLOURS), COLOURS[:, :, 0]])), "PNG"))
write("sticker.png", encoded(np.uint8(np.dstack([np.where(invisible > 0, COLOURS, 0), invisible])), "PNG"))
