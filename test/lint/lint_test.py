# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of script/ find what they are for: each is given a small tree with one fault, and the same tree without it.

Usage: lint_test.py NAME     check_includes, check_style or check_symbols
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / "script"
SPDX = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"
HOUSE = """house = {
  'base':  {'folders': [],        'libs': ['uv']},  # the ground
  'sip':   {'folders': [],        'libs': []},
  'call':  {'folders': ['sip'],   'libs': []},
}
"""


class Tree(unittest.TestCase):
    script = None

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_check(self):
        return subprocess.run([sys.executable, str(SCRIPTS / self.script), str(self.root)],
                              capture_output=True, text=True)

    def assert_passes(self):
        result = self.run_check()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def assert_finds(self, *texts):
        result = self.run_check()
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), len(texts), result.stdout)
        for text in texts:
            self.assertIn(text, result.stdout)


class CheckIncludes(Tree):
    script = "check-includes"

    def setUp(self):
        super().setUp()
        self.write("meson.build", HOUSE)
        self.write("src/base/loop.c", '#include <uv.h>\n#include "base/loop.h"\n')
        self.write("src/sip/sip.h", '#include "base/loop.h"\n')
        self.write("src/call/call.c", '#include "sip/sip.h"\n#include "call/call.h"\n#include <stdlib.h>\n')
        self.write("src/main/main.c", '#include "call/call.h"\n#include <uv.h>\n#include <unistd.h>\n')

    def test_tree_that_keeps_to_its_rows_passes(self):
        self.assert_passes()

    def test_upward_include(self):
        self.write("src/sip/a.c", '#include "call/call.h"\n')
        self.assert_finds('src/sip/a.c:1: sip/ may not include "call/call.h"')

    def test_include_in_a_test_counts_too(self):
        self.write("src/sip/a_test.c", '\n  #  include "call/call.h"\n')
        self.assert_finds("src/sip/a_test.c:2:")

    def test_base_includes_nobody(self):
        self.write("src/base/a.h", '#include "sip/sip.h"\n')
        self.assert_finds("base/ may not include")

    def test_include_past_the_folder_names(self):
        self.write("src/call/a.c", '#include "../sip/sip.h"\n#include "call.h"\n')
        self.assert_finds("a.c:1:", "a.c:2:")

    def test_library_that_the_folder_does_not_link(self):
        self.write("src/sip/a.c", "#include <uv.h>\n")
        self.assert_finds("it does not link uv")

    def test_logic_with_a_socket(self):
        self.write("src/sip/a.c", "#include <sys/socket.h>\n")
        self.assert_finds("does no I/O")

    def test_logic_with_a_clock_of_its_own(self):
        self.write("src/sip/a.c", "int x = time(NULL);\nint y = settime (z);\n")
        self.assert_finds("src/sip/a.c:1: sip/ asks time()")

    def test_folder_without_a_row(self):
        self.write("src/extra/a.c", "")
        self.assert_finds("src/extra: not in the table")

    def test_table_that_goes_in_circles(self):
        self.write("meson.build", HOUSE.replace("'sip':   {'folders': []", "'sip':   {'folders': ['call']"))
        self.assert_finds("sip may include call, which does not stand above it")

    def test_missing_table(self):
        self.write("meson.build", "project('x', 'c')\n")
        self.assertNotEqual(self.run_check().returncode, 0)


class CheckStyle(Tree):
    script = "check-style"

    def setUp(self):
        super().setUp()
        self.write("src/base/a.c", SPDX + "int f(void)\n{\n\treturn 0; /* strcpy( */\n}\n")

    def test_clean_file_passes(self):
        self.assert_passes()

    def test_missing_licence(self):
        self.write("src/base/b.c", "int f(void);\n")
        self.write("script/tool", "#!/bin/sh\nexit 0\n")
        self.assert_finds("src/base/b.c: does not begin", "script/tool: does not begin")

    def test_file_of_801_lines(self):
        self.write("src/base/b.c", SPDX + "int x;\n" * 799)
        self.assert_passes()
        self.write("src/base/b.c", SPDX + "int x;\n" * 800)
        self.assert_finds("801 lines, more than 800")

    def test_function_of_101_lines(self):
        self.write("src/base/b.c", SPDX + "static int long_one(int a,\n\t\t    int b)\n{\n" + "\ta++;\n" * 98 + "}\n")
        self.assert_passes()
        self.write("src/base/b.c", SPDX + "static int long_one(int a,\n\t\t    int b)\n{\n" + "\ta++;\n" * 99 + "}\n")
        self.assert_finds("long_one() has 101 lines")

    def test_many_functions_of_61_lines(self):
        body = "{\n" + "\ta++;\n" * 59 + "}\n"
        self.write("src/base/b.c", SPDX + "void f(void)\n" + body + "void g(void)\n" + body)
        self.assert_finds("longer than 60 lines")

    def test_work_left(self):
        self.write("src/base/b.c", SPDX + "/* TO" + "DO: the rest */\n")
        self.write("test/x.py", "# SPDX-License-Identifier: GPL-3.0-or-later\n# FIX" + "ME\n")
        self.assert_finds("src/base/b.c:2: something is left", "test/x.py:2: something is left")

    def test_forbidden_functions(self):
        for name in ("strcpy", "sprintf", "strtok", "atoi", "alloca"):
            self.write("src/base/b.c", SPDX + f"int x = {name}(y);\n")
            self.assert_finds(f"src/base/b.c:2: {name}() is not used here")
        self.write("src/base/b.c", SPDX + 'int x = snprintf(y); /* sprintf( */ char *s = "atoi(";\n')
        self.assert_passes()


class CheckSymbols(Tree):
    script = "check-symbols"

    def setUp(self):
        super().setUp()
        self.folders = {"base": "int base_f(void) { return 1; } static int own; int base_g(void) { return own; }"}
        self.library = "int uv_thing(void) { return 1; }"

    def compile(self, *arguments):
        subprocess.run(["cc", "-fPIC", "-w", *arguments], check=True, cwd=self.root)

    def build(self):
        """What a build directory holds: folders' objects and libraries, a linked library, the program."""
        for folder, code in self.folders.items():
            where = f"liboh-{folder}.a.p"
            self.write(f"{where}/{folder}.c", code)
            self.compile("-c", f"{where}/{folder}.c", "-o", f"{where}/src_{folder}_{folder}.c.o")
            subprocess.run(["ar", "rcs", f"liboh-{folder}.a", f"{where}/src_{folder}_{folder}.c.o"], check=True,
                           cwd=self.root)
        for number, code in enumerate([self.library, "int other_thing(void) { return 2; }"]):
            self.write(f"x{number}.c", code)
            self.compile("-shared", f"x{number}.c", "-o", f"libx{number}.so")
        self.write("offhookd.p/main.c", "int main(void) { return 0; }")
        self.compile("-c", "offhookd.p/main.c", "-o", "offhookd.p/main.c.o")
        self.compile("offhookd.p/main.c.o", "-Wl,--no-as-needed", "-L.", "-lx0", "-lx1", f"-Wl,-rpath,{self.root}",
                     "-o", "offhookd")

    def test_names_with_one_owner_pass(self):
        self.folders["base"] = "int base_f(void) { return 1; } static const int own = 1; static int base_f2(void) { return own; }"
        self.folders["sip"] = "int sip_f(void) { return 1; } static int base_f2(void) { return 1; }"
        self.build()
        self.assert_passes()

    def test_name_in_two_folders(self):
        self.folders = {"base": "int start(void) { return 1; }", "sip": "int start(void) { return 2; }"}
        self.build()
        self.assert_finds("start: in both base and sip")

    def test_name_of_a_linked_library(self):
        self.folders = {"base": "int uv_thing(void) { return 1; }"}
        self.build()
        self.assert_finds("uv_thing: in our base and in libx0.so")

    def test_weak_name_does_not_count(self):
        self.folders = {"base": "__attribute__((weak)) int uv_thing(void) { return 1; }"}
        self.build()
        self.assert_passes()

    def test_name_in_two_linked_libraries(self):
        self.folders = {"base": "int base_f(void) { return 1; }"}
        self.library = "int other_thing(void) { return 1; }"
        self.build()
        self.assert_finds("other_thing: in the libraries libx0.so and libx1.so")

    def test_variable_of_the_whole_process(self):
        self.build()
        self.assert_finds("own: a variable of the whole process in base/base.c")

    def test_empty_build(self):
        self.assert_finds("no liboh-*.a here")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "".join(part.capitalize() for part in sys.argv[1].split("_"))])
