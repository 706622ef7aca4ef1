/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of users who sign in, and of their passwords (TEN-1, TEN-5): by their tenant, and of administrators and dealers by
 * sign_in_settings.
 *
 * Thread     a reader; policy_read() also the writer
 * Errors     those of db.h
 */
#ifndef STORE_POLICY_H
#define STORE_POLICY_H

#include "schema/object.h"
#include "store/db.h"

enum { POLICY_MAX_REUSE = 10 }; /* each earlier password costs what a sign-in costs */

struct policy {
	int64_t length, classes;	  /* at least so many characters, and kinds of them */
	int64_t reuse;			  /* not one of the last so many */
	int64_t days;			  /* it lasts so long; 0: for ever */
	int64_t lock_after, lock_minutes; /* so many wrong ones in a row lock the user; 0: never */
	bool is_one;			  /* one session at a time */
};

/* Of a tenant that there is not, and where nothing is set: the defaults. */
int policy_read(struct db *db, uint64_t tenant_id, struct policy *p) MUST_USE;
/* Of the tenant that the body makes, for its first user. */
void policy_of_new(const json_t *body, struct policy *p);
/* Faults of a password in clear, under the name of its field. */
void policy_check(const struct policy *p, const char *name, const char *clear,
		  struct field_errors *errs);
/* EXT-2: one that is guessed first, whatever the policy says; user: whose it is, "" when nobody knows. */
void policy_check_guessed(const char *name, const char *clear, const char *user,
			  struct field_errors *errs);
/* Is it one that the user has, or had? */
int policy_check_reuse(const struct policy *p, struct db *db, uint64_t tenant_id, uint64_t user_id,
		       const char *name, const char *clear, struct field_errors *errs) MUST_USE;

#endif
