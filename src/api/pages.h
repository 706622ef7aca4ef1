/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of api/pages/, kept in the program (embed.py).
 *
 * Thread     any: constant
 */
#ifndef API_PAGES_H
#define API_PAGES_H

#include "base/str.h"

struct str page_text(const char *name); /* terminated; STR_NONE: no such file */

#endif
