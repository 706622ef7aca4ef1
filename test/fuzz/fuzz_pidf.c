/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Presence documents: what is taken is within its limits, the same each time, and nothing stays behind. */
#include <string.h>
#include "base/mem.h"
#include "fuzz.h"
#include "presence/pidf.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t objects = mem_objects();
	struct pidf a, b;
	struct str body = {(const char *)p, n};
	int err = pidf_parse(&a, body);

	MUST(!err || err == EINVAL || err == E2BIG);
	MUST(memchr(a.note, '\0', sizeof(a.note)));
	MUST(!(a.activities >> PIDF_NACTIVITIES));
	MUST(!a.is_open || a.has_status);
	if (err)
		MUST(!a.is_open && !a.has_status && !a.activities && !a.note[0]);
	/* what was cut is still text */
	for (const char *s = a.note; *s; s++)
		MUST(((unsigned char)*s & 0xc0) != 0x80 || s > a.note);
	MUST(pidf_parse(&b, body) == err && !strcmp(a.note, b.note) &&
	     a.activities == b.activities && a.is_open == b.is_open);
	MUST(mem_objects() == objects);
	return 0;
}
