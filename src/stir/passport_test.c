/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "stir/passport.h"
#include "stir/testing.h"

enum { NOW = 1763712000 };

static const struct stir_claim claim = {
	.attest = 'A', .orig = "442070000101", .dest = "33123456", .origid = "a-b-c", .iat_s = NOW};
#define URL "https://cert.example/shaken.pem"

struct world {
	struct stir_test_ca ca;
	struct stir_key *key;
	struct stir_roots *roots;
	struct buf identity;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	stir_test_ca_make(&w->ca, NOW);
	assert_int_equal(stir_key_open(&w->key, w->ca.cert, w->ca.key), 0);
	assert_int_equal(stir_roots_alloc(&w->roots), 0);
	assert_int_equal(stir_roots_add(w->roots, w->ca.root), 0);
	assert_int_equal(stir_sign(&w->identity, w->key, &claim, STR(URL)), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	stir_key_free(w->key);
	stir_roots_free(w->roots);
	buf_free(&w->identity);
	stir_test_ca_free(&w->ca);
	free(w);
	return 0;
}

static enum stir_verdict check_at(struct world *w, const char *orig, const char *dest, int64_t now)
{
	struct stir_token t;

	assert_int_equal(stir_read(&t, buf_view(&w->identity), dest), 0);
	assert_string_equal(t.url, URL);
	assert_int_equal(t.claim.attest, 'A');
	return stir_check(&t, w->key, w->roots, orig, now);
}

static void what_is_signed_passes(void **state)
{
	struct world *w = *state;

	assert_int_equal(check_at(w, "442070000101", "33123456", NOW), STIR_PASSED);
	assert_int_equal(check_at(w, "442070000101", "33123456", NOW + 59), STIR_PASSED);
}

static void what_does_not_fit_the_call_fails(void **state)
{
	struct world *w = *state;

	assert_int_equal(check_at(w, "442070000102", "33123456", NOW), STIR_INVALID);
	assert_int_equal(check_at(w, "442070000101", "33123457", NOW), STIR_INVALID);
	assert_int_equal(check_at(w, "442070000101", "33123456", NOW + 61), STIR_STALE);
	assert_int_equal(check_at(w, "442070000101", "33123456", NOW - 61), STIR_STALE);
}

static void a_changed_token_fails(void **state)
{
	struct world *w = *state;
	struct stir_token t;

	for (size_t i = 0; i < w->identity.n; i++) {
		char *c = &w->identity.p[i], saved = *c;

		if (saved == ';')
			break;
		*c = saved == 'A' ? 'B' : 'A';
		if (!stir_read(&t, buf_view(&w->identity), "33123456"))
			assert_int_not_equal(stir_check(&t, w->key, w->roots, "442070000101", NOW),
					     STIR_PASSED);
		*c = saved;
	}
	what_is_signed_passes(state);
}

static void who_is_not_trusted_or_not_known_fails(void **state)
{
	struct world *w = *state;
	struct stir_roots *nobody;
	struct stir_token t;

	assert_int_equal(stir_roots_alloc(&nobody), 0);
	assert_int_equal(stir_read(&t, buf_view(&w->identity), "33123456"), 0);
	assert_int_equal(stir_check(&t, w->key, nobody, "442070000101", NOW), STIR_UNSUPPORTED);
	assert_int_equal(stir_check(&t, NULL, w->roots, "442070000101", NOW), STIR_BAD_INFO);
	assert_int_equal(stir_check(&t, w->key, w->roots, "442070000101", NOW + 100 * 86400L),
			 STIR_UNSUPPORTED); /* the certificate is over */
	stir_roots_free(nobody);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {"",	      ".",   "..",   "a.b.c",	 "e30.e30.e30", ";",
					    "x;info", "e30", "....", "e30.e30.", "\"a\""};
	struct stir_token t;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_not_equal(stir_read(&t, str_of(texts[i]), "1"), 0);
}

static void another_url_in_info_is_refused(void **state)
{
	struct world *w = *state;
	struct stir_token t;
	char *at = strstr(w->identity.p, "shaken.pem");

	at[0] = 'S';
	assert_int_equal(stir_read(&t, buf_view(&w->identity), "33123456"), EINVAL);
}

static void numbers_are_digits(void **state)
{
	char n[STIR_NUMBER_BYTES];

	assert_int_equal(stir_number(n, STR("+442070000101")), 0);
	assert_string_equal(n, "442070000101");
	assert_int_equal(stir_number(n, STR("00442070000101")), 0);
	assert_string_equal(n, "442070000101");
	assert_int_equal(stir_number(n, STR("anonymous")), EINVAL);
	assert_int_equal(stir_number(n, STR("")), EINVAL);
	assert_int_equal(stir_number(n, STR("+")), EINVAL);
}

static void a_key_must_be_the_certificates(void **state)
{
	struct world *w = *state;
	struct stir_test_ca other;
	struct stir_key *k = NULL;

	stir_test_ca_make(&other, NOW);
	assert_int_equal(stir_key_open(&k, w->ca.cert, other.key), EINVAL);
	assert_int_equal(stir_key_open(&k, "no PEM", ""), EINVAL);
	assert_int_equal(stir_key_open(&k, other.cert, ""), 0);
	stir_key_free(k);
	stir_test_ca_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STORY(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
		STORY(what_is_signed_passes), STORY(what_does_not_fit_the_call_fails),
		STORY(a_changed_token_fails), STORY(who_is_not_trusted_or_not_known_fails),
		STORY(nonsense_is_refused),   STORY(another_url_in_info_is_refused),
		STORY(numbers_are_digits),    STORY(a_key_must_be_the_certificates),
	};

	return cmocka_run_group_tests_name("passport", tests, NULL, NULL);
}
