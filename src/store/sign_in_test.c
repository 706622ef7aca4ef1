/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Age of passwords, and locks that end: time is moved in the database. */
#include "store/testing.h"

static int open_with(void **state, const char *policy)
{
	char body[256];
	struct fixture *fx;
	int err = fixture_open(state);

	if (err)
		return err;
	fx = *state;
	(void)snprintf(body, sizeof(body),
		       "{\"name\":\"acme\",\"domain\":\"acme.example\",\"username\":\"boss\","
		       "\"password\":\"correct horse\",%s}",
		       policy);
	fx->tenant_id = good_id(ask(fx, STORE_CREATE, 0, "tenant", 0, body));
	return 0;
}

static int open_with_age(void **state)
{
	return open_with(state, "\"password_days\":30");
}

static int open_with_lock(void **state)
{
	return open_with(state, "\"lock_after\":2,\"lock_minutes\":20");
}

static struct store_reply sign_in(struct fixture *fx, const char *password, const char *more)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
		       "{\"username\":\"boss\",\"password\":\"%s\",\"domain\":\"acme.example\","
		       "\"token_hash\":\"%u\",\"ttl_seconds\":60%s}",
		       password, (unsigned)rng_u64(rng_system()), more);
	return ask(fx, STORE_LOGIN, 0, NULL, 0, body);
}

static void pass(struct fixture *fx, const char *what, int minutes)
{
	const struct db_conf conf = {.url = fx->place.url};
	char sql[160];
	struct db *db;

	(void)snprintf(sql, sizeof(sql),
		       "UPDATE user_sign_in SET %s = %s - %d * CAST(60000000 AS BIGINT)", what,
		       what, minutes);
	assert_int_equal(db_open(&db, &conf), 0);
	assert_int_equal(db_exec(db, sql), 0);
	db_close(db);
}

enum { DAY = 24 * 60 };

static void old_password_wants_a_new_one(void **state)
{
	struct fixture *fx = *state;

	json_decref(good(sign_in(fx, "correct horse", "")));
	pass(fx, "changed_at", 29 * DAY);
	json_decref(good(sign_in(fx, "correct horse", "")));
	pass(fx, "changed_at", DAY);
	refused(sign_in(fx, "correct horse", ""), EKEYEXPIRED, NULL, NULL);
	refused(sign_in(fx, "wrong", ""), EACCES, NULL, NULL); /* nothing is said of its age */
	refused(sign_in(fx, "correct horse", ",\"new_password\":\"short\""), EINVAL, "new_password",
		"too_short");
	json_decref(good(sign_in(fx, "correct horse", ",\"new_password\":\"battery staple\"")));
	refused(sign_in(fx, "correct horse", ""), EACCES, NULL, NULL);
	json_decref(good(sign_in(fx, "battery staple", "")));
}

/* TEN-5: from when it was set, not from when it is used first; set anew by somebody else it is new. */
static void password_that_was_never_used_grows_old_too(void **state)
{
	struct fixture *fx = *state;
	uint64_t id;

	pass(fx, "changed_at", 31 * DAY);
	refused(sign_in(fx, "correct horse", ""), EKEYEXPIRED, NULL, NULL);
	json_decref(
		good(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"password_days\":32}")));
	json_decref(good(sign_in(fx, "correct horse", "")));
	pass(fx, "changed_at", DAY);
	refused(sign_in(fx, "correct horse", ""), EKEYEXPIRED, NULL, NULL);
	id = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "admin", 0,
			 "{\"username\":\"other\",\"password\":\"correct horse\"}"));
	json_decref(good(ask(fx, STORE_UPDATE, fx->tenant_id, "admin", id - 1,
			     "{\"password\":\"battery staple\"}")));
	json_decref(good(sign_in(fx, "battery staple", "")));
	pass(fx, "changed_at", 32 * DAY);
	refused(sign_in(fx, "battery staple", ""), EKEYEXPIRED, NULL, NULL);
	json_decref(
		good(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"password_days\":0}")));
	json_decref(good(sign_in(fx, "battery staple", "")));
}

/* What was tried before has been counted when something that went the same way is answered. */
static void wrong(struct fixture *fx, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		refused(sign_in(fx, "wrong", ""), EACCES, NULL, NULL);
	refused(ask(fx, STORE_LOGOUT, 0, NULL, 0, "{\"token_hash\":\"none\"}"), ENOENT, NULL, NULL);
}

static void lock_ends_by_itself(void **state)
{
	struct fixture *fx = *state;

	wrong(fx, 2);
	refused(sign_in(fx, "correct horse", ""), EACCES, NULL, NULL);
	refused(sign_in(fx, "correct horse", ",\"new_password\":\"battery staple\""), EACCES, NULL,
		NULL);
	pass(fx, "locked_until", 19);
	wrong(fx, 2); /* does not make it longer */
	refused(sign_in(fx, "correct horse", ""), EACCES, NULL, NULL);
	pass(fx, "locked_until", 1);
	json_decref(good(sign_in(fx, "correct horse", "")));
}

static void only_wrong_ones_in_a_row_count(void **state)
{
	struct fixture *fx = *state;

	for (unsigned i = 0; i < 3; i++) {
		wrong(fx, 1);
		json_decref(good(sign_in(fx, "correct horse", "")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(old_password_wants_a_new_one, open_with_age,
						fixture_close),
		cmocka_unit_test_setup_teardown(password_that_was_never_used_grows_old_too,
						open_with_age, fixture_close),
		cmocka_unit_test_setup_teardown(lock_ends_by_itself, open_with_lock, fixture_close),
		cmocka_unit_test_setup_teardown(only_wrong_ones_in_a_row_count, open_with_lock,
						fixture_close),
	};

	return cmocka_run_group_tests_name("sign_in", tests, NULL, NULL);
}
