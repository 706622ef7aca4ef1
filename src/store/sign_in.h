/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is kept of each user's sign-ins: when its password was set, those it had, how many wrong ones came in a row, and
 * until when it is locked because of them.
 *
 * A user who is locked is answered as if the password were wrong: who guesses learns nothing, not even that somebody is locked.
 * The lock ends by itself, or when the user is given another password; wrong ones meanwhile do not make it longer.
 *
 * Thread     writer
 * Errors     EACCES: locked · EKEYEXPIRED: the password is too old · those of db.h
 */
#ifndef STORE_SIGN_IN_H
#define STORE_SIGN_IN_H

#include "store/edit.h"

/* The password was right.  changes: it is about to be replaced. */
int sign_in_right(struct edit *e, uint64_t tenant_id, uint64_t user_id, bool changes) MUST_USE;
int sign_in_wrong(struct edit *e, uint64_t tenant_id, uint64_t user_id) MUST_USE;
int sign_in_changed(struct edit *e, uint64_t tenant_id, uint64_t user_id,
		    const char *old_hash) MUST_USE;
/* What was found of the password that it came in with (schema/strength.h); empty: nothing. */
int sign_in_judged(struct edit *e, uint64_t tenant_id, uint64_t user_id, struct str weak) MUST_USE;
int sign_in_forget(struct edit *e, uint64_t tenant_id, uint64_t user_id) MUST_USE;

#endif
