/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connectivity checks of an ICE-lite agent: read one, answer it.  Pure functions over bytes.
 *
 * Thread     any
 * Errors     check_read: EBADMSG (not a check, or malformed), EACCES (its user name is not ours, or it was not made with our
 *            password).  Neither is answered: who does not know the password learns nothing
 * Sources    RFC 8489 5, 14, 15.4; RFC 8445 7.1.1, 7.3
 */
#ifndef MEDIA_CHECK_H
#define MEDIA_CHECK_H

#include "base/stun.h"

enum { CHECK_ANSWER_BYTES = 96 };

struct ice_check {
	uint8_t id[STUN_ID_BYTES];
	bool is_nomination; /* USE-CANDIDATE */
	bool is_controlled; /* it believes that we control: a conflict, for we never do */
};

/* ufrag, password: ours. */
int check_read(struct ice_check *c, const uint8_t *p, size_t n, struct str ufrag,
	       struct str password) MUST_USE;
/* The answer to it, for whom it came from, in dst[CHECK_ANSWER_BYTES]; returns its length.  A conflict of roles is answered with 487. */
size_t check_answer(uint8_t *dst, const struct ice_check *c, const struct addr *from,
		    struct str password);

#endif
