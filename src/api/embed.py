#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""embed.py OUT.c FILE...: the files as constants of the program, for api/pages.h."""
import os
import sys

out, files = sys.argv[1], sys.argv[2:]
with open(out, 'w') as o:
    o.write('/* Made by embed.py: do not edit. */\n#include "api/pages.h"\n#include <string.h>\n')
    for i, name in enumerate(files):
        data = open(name, 'rb').read()
        o.write('static const unsigned char file%d[] = {' % i)
        o.write(','.join(str(b) for b in data) + ',0};\n')
    o.write('struct str page_text(const char *name)\n{\n')
    for i, name in enumerate(files):
        o.write('\tif (!strcmp(name, "%s"))\n\t\treturn (struct str){(const char *)file%d, sizeof(file%d) - 1};\n'
                % (os.path.basename(name), i, i))
    o.write('\treturn STR_NONE;\n}\n')
