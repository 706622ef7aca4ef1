/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * STUN as an ICE-lite agent needs it: read a connectivity check, answer it.  Pure functions over bytes.
 *
 * Thread     any
 * Errors     stun_read: EBADMSG (not a check, or malformed), EACCES (its user name is not ours, or it was not made with our
 *            password).  Neither is answered: who does not know the password learns nothing
 * Sources    RFC 8489 5, 14, 15.4; RFC 8445 7.1.1, 7.3
 */
#ifndef MEDIA_STUN_H
#define MEDIA_STUN_H

#include "base/addr.h"

enum { STUN_HEAD_BYTES = 20, STUN_ID_BYTES = 12, STUN_ANSWER_BYTES = 96 };

struct stun_check {
	uint8_t id[STUN_ID_BYTES];
	bool is_nomination; /* USE-CANDIDATE */
	bool is_controlled; /* it believes that we control: a conflict, for we never do */
};

static inline bool stun_is(const uint8_t *p, size_t n)
{
	return n >= STUN_HEAD_BYTES && p[0] < 4 && p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 &&
	       p[7] == 0x42;
}

/* ufrag, password: ours. */
int stun_read(struct stun_check *c, const uint8_t *p, size_t n, struct str ufrag,
	      struct str password) MUST_USE;
/* The answer to it, for whom it came from, in dst[STUN_ANSWER_BYTES]; returns its length.  A conflict of roles is answered with 487. */
size_t stun_answer(uint8_t *dst, const struct stun_check *c, const struct addr *from,
		   struct str password);

#endif
