/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/policy.h"
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include "schema/strength.h"

#define COLUMNS                                                                                    \
	"SELECT password_length, password_classes, password_reuse, password_days, lock_after, "    \
	"lock_minutes, concurrent_logins "

static struct policy defaults(void)
{
	struct policy p = {.length = 0};

#define INT(name, dflt, lo, hi, flags, doc) const int64_t name = dflt;
#define BOOL(name, flags, dflt, doc)	    const bool name = dflt;
#include "schema/sign_in_policy.def"
#undef INT
#undef BOOL
	p = (struct policy){.length = password_length,
			    .classes = password_classes,
			    .reuse = password_reuse,
			    .days = password_days,
			    .lock_after = lock_after,
			    .lock_minutes = lock_minutes,
			    .is_one = !concurrent_logins};
	return p;
}

int policy_read(struct db *db, uint64_t tenant_id, struct policy *p)
{
	struct db_stmt *st;
	int err;

	*p = defaults();
	err = db_sql(db,
		     tenant_id ? COLUMNS "FROM tenants WHERE tenant_id = 0 AND id = $1"
			       : COLUMNS "FROM sign_in_settings WHERE tenant_id = $1",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	err = db_step(st);
	if (!err)
		*p = (struct policy){.length = db_int(st, 0),
				     .classes = db_int(st, 1),
				     .reuse = db_int(st, 2),
				     .days = db_int(st, 3),
				     .lock_after = db_int(st, 4),
				     .lock_minutes = db_int(st, 5),
				     .is_one = !db_int(st, 6)};
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* A number that may be given, or is the default. */
static int64_t given(const json_t *body, const char *name, int64_t dflt)
{
	const json_t *v = json_object_get(body, name);

	return json_is_integer(v) ? json_integer_value(v) : dflt;
}

void policy_of_new(const json_t *body, struct policy *p)
{
	*p = defaults();
	p->length = given(body, "password_length", p->length);
	p->classes = given(body, "password_classes", p->classes);
}

static int64_t classes_in(const char *s)
{
	bool has[4] = {false};

	for (; *s; s++)
		has[*s >= 'a' && *s <= 'z'   ? 0
		    : *s >= 'A' && *s <= 'Z' ? 1
		    : *s >= '0' && *s <= '9' ? 2
					     : 3] = true;
	return has[0] + has[1] + has[2] + has[3];
}

static int64_t chars_in(const char *s)
{
	int64_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void policy_check(const struct policy *p, const char *name, const char *clear,
		  struct field_errors *errs)
{
	if (chars_in(clear) < p->length)
		field_error_add(errs, name, "too_short",
				"must have at least %" PRId64 " characters", p->length);
	if (classes_in(clear) < p->classes)
		field_error_add(errs, name, "too_simple",
				"must have %" PRId64
				" of: small letters, capital letters, digits, others",
				p->classes);
}

void policy_check_guessed(const char *name, const char *clear, const char *user,
			  struct field_errors *errs)
{
	const char *why = strength_guessed(clear, user);

	if (!why)
		return;
	field_error_add(errs, name, why, "%s",
			!strcmp(why, "own_name")   ? "must not be the user's own name"
			: !strcmp(why, "repeated") ? "must not be the same again and again"
			: !strcmp(why, "sequence") ? "must not be a sequence"
						   : "is one of those that are tried first");
}

static bool fits(struct str hash, const char *clear)
{
	char text[crypto_pwhash_STRBYTES];

	return !str_copy(text, sizeof(text), hash) &&
	       crypto_pwhash_str_verify(text, clear, strlen(clear)) == 0;
}

int policy_check_reuse(const struct policy *p, struct db *db, uint64_t tenant_id, uint64_t user_id,
		       const char *name, const char *clear, struct field_errors *errs)
{
	char held[(POLICY_MAX_REUSE + 1) * crypto_pwhash_STRBYTES] = "";
	struct str hashes = {held, 0};
	struct db_stmt *st;
	bool was_used = false;
	int err;

	if (p->reuse <= 0)
		return 0;
	/* The newest first. */
	err = db_sql(db,
		     "SELECT u.password, COALESCE((SELECT s.history FROM user_sign_in s WHERE "
		     "s.tenant_id = $1 AND s.user_id = $2), '') FROM users u "
		     "WHERE u.tenant_id = $1 AND u.id = $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, user_id);
	err = db_step(st);
	if (!err)
		(void)snprintf(held, sizeof(held), "%.*s\n%.*s", STR_ARG(db_text(st, 0)),
			       STR_ARG(db_text(st, 1)));
	db_done(st);
	hashes.n = strlen(held);
	for (int64_t i = 0; !err && i < p->reuse && hashes.n && !was_used; i++)
		was_used = fits(str_cut(&hashes, '\n'), clear);
	sodium_memzero(held, sizeof(held));
	if (was_used)
		field_error_add(errs, name, "used_before",
				"must be none of the last %" PRId64 " passwords", p->reuse);
	return err == ENOENT ? 0 : err;
}
