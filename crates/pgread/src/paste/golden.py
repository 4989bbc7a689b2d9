#!/usr/bin/env python3
"""Fills golden.tsv with what libpq itself makes of the strings in its first column.

    python3 golden.py [libpq.so.5]

The second column, ours, is kept: why Mycorr differs on purpose, or nothing. The third is written: `error`, or
keyword=value for every keyword that PQconninfoParse sets, one a column. Values are escaped as in COPY.
"""
import ctypes
import pathlib
import sys


class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")]
    _fields_.append(("dispsize", ctypes.c_int))


libpq = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libpq.so.5")
libpq.PQconninfoParse.restype = ctypes.POINTER(Option)
libpq.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.c_void_p]

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escape(text):
    return "".join(ESCAPES.get(c, c) for c in text)


def unescape(text):
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape")


def verdict(text):
    options = libpq.PQconninfoParse(text.encode(), None)
    if not options:
        return ["error"]
    found, at = ["ok"], 0
    while options[at].keyword:
        if options[at].val is not None:
            found.append(f"{options[at].keyword.decode()}={escape(options[at].val.decode())}")
        at += 1
    return found


table = pathlib.Path(__file__).with_name("golden.tsv")
lines = []
for line in table.read_text().splitlines():
    if line and not line.startswith("#"):
        text, why = (line.split("\t") + [""])[:2]
        line = "\t".join([text, why, *verdict(unescape(text))])
    lines.append(line)
version = libpq.PQlibVersion()
lines[0] = f"# What libpq {version // 10000}.{version % 10000} makes of connection strings, by golden.py."
table.write_text("\n".join(lines) + "\n")
