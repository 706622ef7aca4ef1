# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page about resources shows is what stands in the tree: an example that was changed there, or never was there, fails."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/adding-a-resource.md"


def blocks(text):
    return [block.strip("\n") for block in re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)]


def stands_in_a_source(block, sources):
    return any(f"\n{block}\n" in f"\n{source}" for source in sources)


class Page(unittest.TestCase):
    def setUp(self):
        self.text = PAGE.read_text()
        self.sources = [path.read_text() for folder in ("src/schema", "src/api") for path in sorted((ROOT / folder).glob("*.[cd]*"))]

    def test_each_example_stands_in_a_source(self):
        found = blocks(self.text)
        self.assertGreaterEqual(len(found), 4)
        for block in found:
            self.assertTrue(stands_in_a_source(block, self.sources), f"in no source:\n{block}")

    def test_an_invented_example_is_found_out(self):
        self.assertFalse(stands_in_a_source('TEXT(room, 32, INDEXED, "", "where its telephone stands")', self.sources))

    def test_each_file_that_is_named_is_there(self):
        names = re.findall(r"`((?:src|test|docs|script)/[\w/.-]+)`", self.text)
        self.assertGreater(len(names), 10)
        for name in names:
            self.assertTrue((ROOT / name).exists(), name)


if __name__ == "__main__":
    unittest.main()
