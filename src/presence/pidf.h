/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a device says about a person (PIDF), reduced to what we tell others: available or not, what he does, a note.
 *
 * Extensions that we do not know are left out: nothing of a device's markup reaches another device.
 *
 * Thread     any: values
 * Errors     EINVAL: not well formed, not a presence document, or with a DOCTYPE; E2BIG: over the limits below; ENOMEM
 * Sources    RFC 3863 (PIDF), RFC 4479 (person), RFC 4480 (activities)
 */
#ifndef PRESENCE_PIDF_H
#define PRESENCE_PIDF_H

#include "base/buf.h"

enum pidf_activity {
#define X(ID, element) PIDF_##ID,
#include "presence/activities.def"
#undef X
	PIDF_NACTIVITIES
};

enum {
	PIDF_MAX_BYTES = 16384,
	PIDF_MAX_DEPTH = 16,
	PIDF_MAX_ELEMENTS = 500,
	PIDF_NOTE_BYTES = 200
};

struct pidf {
	bool is_open;		    /* one of its tuples is */
	bool has_status;	    /* there was a tuple with one */
	uint32_t activities;	    /* bits: 1 << enum pidf_activity */
	char note[PIDF_NOTE_BYTES]; /* the first; UTF-8 */
};

int pidf_parse(struct pidf *p, struct str body) MUST_USE;
const char *pidf_activity_name(enum pidf_activity a);

#endif
