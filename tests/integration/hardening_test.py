"""The program that is given out is compiled with what makes a mistake in memory hard to use: read from its ELF headers."""

import os
import pathlib
import struct

import pytest

WINDROW = pathlib.Path(os.environ["WINDROW"])

PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO, PT_LOAD = 2, 0x6474E551, 0x6474E552, 1
DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_FLAGS, DT_FLAGS_1 = 5, 6, 10, 30, 0x6FFFFFFB
DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 0x8, 0x1, 0x08000000


class Elf:
    """As much of a 64-bit little-endian ELF file as is asked about here."""

    def __init__(self, path):
        self.data = path.read_bytes()
        assert self.data[:6] == b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file"
        self.type = struct.unpack_from("<H", self.data, 16)[0]
        at, size, count = struct.unpack_from("<Q", self.data, 32)[0], *struct.unpack_from("<HH", self.data, 54)
        # type, flags, offset, address, physical address, size in the file, size in memory, alignment
        self.segments = [struct.unpack_from("<IIQQQQQQ", self.data, at + i * size) for i in range(count)]
        dynamic = next(s for s in self.segments if s[0] == PT_DYNAMIC)
        self.dynamic = dict(struct.iter_unpack("<QQ", self.data[dynamic[2] : dynamic[2] + dynamic[5]]))

    def segment(self, kind):
        return next((s for s in self.segments if s[0] == kind), None)

    def at(self, address):
        """Where in the file an address lies."""
        return next(s[2] + address - s[3] for s in self.segments if s[0] == PT_LOAD and s[3] <= address < s[3] + s[5])

    def needed_functions(self):
        """Names in the table of dynamic symbols that are not defined here."""
        strings, symbols = self.at(self.dynamic[DT_STRTAB]), self.at(self.dynamic[DT_SYMTAB])
        names = set()
        # The linker puts the table of names behind the table of symbols, or ends it by a hash table: a name that lies
        # outside of the names, or a section that is none, is past the end.
        for at in range(symbols, len(self.data), 24):
            name, info, _, section = struct.unpack_from("<IBBH", self.data, at)
            if name >= self.dynamic[DT_STRSZ] or info >> 4 > 10:
                break
            if section == 0:
                begin = strings + name
                names.add(self.data[begin : self.data.index(b"\0", begin)].decode("ascii", "replace"))
        return names


@pytest.fixture(scope="module")
def elf():
    return Elf(WINDROW)


def test_the_program_lies_where_nobody_knows_beforehand(elf):
    assert elf.type == 3, "not a position-independent program"
    assert elf.dynamic[DT_FLAGS_1] & DF_1_PIE


def test_tables_of_addresses_are_read_only_once_it_runs(elf):
    assert elf.segment(PT_GNU_RELRO), "no RELRO"
    assert elf.dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW or elf.dynamic[DT_FLAGS_1] & DF_1_NOW, (
        "RELRO is partial: functions are bound when they are first called"
    )


def test_neither_stack_nor_data_can_be_executed(elf):
    stack = elf.segment(PT_GNU_STACK)
    assert stack and not stack[1] & 1
    assert not [s for s in elf.segments if s[0] == PT_LOAD and s[1] & 3 == 3], "a segment is writable and executable"


def test_functions_watch_their_return_address(elf):
    assert "__stack_chk_fail" in elf.needed_functions()


def test_copies_into_known_buffers_are_checked(elf):
    checked = {name for name in elf.needed_functions() if name.endswith("_chk") and name != "__stack_chk_fail"}
    assert "__memcpy_chk" in checked or "__vsnprintf_chk" in checked or "__snprintf_chk" in checked, checked
