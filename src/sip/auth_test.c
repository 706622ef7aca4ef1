/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "sip/digest.h"
#include "sip/nonce.h"

#define REALM STR("example.com")
#define BOTH  (SIP_DIGEST_MD5 | SIP_DIGEST_SHA256)

struct world {
	struct clock_virtual clock;
	struct rng_seeded rng;
	struct env env;
	struct sip_auth *auth;
	struct sip_digest *digest;
	struct sip_secret secret;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	clock_virtual_init(&w->clock, 0);
	rng_seeded_init(&w->rng, 1);
	w->env = (struct env){.clock = &w->clock.clock, .rng = &w->rng.rng};
	sip_secret_make(&w->secret, STR("101"), REALM, STR("secret"));
	*state = w;
	return sip_auth_alloc(&w->auth, &w->env, 0) || sip_digest_alloc(&w->digest);
}

static int teardown(void **state)
{
	struct world *w = *state;

	sip_auth_free(w->auth);
	sip_digest_free(w->digest);
	free(w);
	return 0;
}

static struct sip_msg *request(const char *headers)
{
	static const struct flow from = {
		.local = {.family = 4, .port = 5060, .ip = {192, 0, 2, 1}}};
	struct sip_msg *m = NULL;
	char text[8192];
	unsigned status;
	int n = snprintf(
		text, sizeof(text),
		"REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		"From: <sip:101@example.com>;tag=1\r\nTo: <sip:101@example.com>\r\nCall-ID: c\r\n"
		"CSeq: 1 REGISTER\r\n%s\r\n",
		headers);

	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(sip_msg_parse(&m, &from, text, (size_t)n, &status), 0);
	return m;
}

/* What a phone knows and does. */
struct phone {
	struct sip_challenge c;
	struct sip_answer a;
	char nonce[SIP_NONCE_CHARS + 1];
};

static void challenge(struct world *w, struct phone *p, enum sip_digest_alg alg)
{
	struct buf out = {0};
	const char *at;

	sip_auth_challenge(w->auth, &out, false, REALM, alg, false);
	at = strstr(out.p, "nonce=\"");
	assert_non_null(at);
	memcpy(p->nonce, at + 7, SIP_NONCE_CHARS);
	p->nonce[SIP_NONCE_CHARS] = '\0';
	buf_free(&out);
	p->c = (struct sip_challenge){.alg = alg,
				      .realm = REALM,
				      .nonce = str_of(p->nonce),
				      .has_qop = true,
				      .says_alg = true};
	p->a = (struct sip_answer){.username = STR("101"),
				   .password = STR("secret"),
				   .method = STR("REGISTER"),
				   .uri = STR("sip:example.com"),
				   .cnonce = STR("xyz"),
				   .nc = 1};
}

static enum sip_auth_result check_line(struct world *w, const char *line, unsigned algs)
{
	struct sip_msg *m = request(line);
	enum sip_auth_result r = sip_auth_check(w->auth, m, false, REALM, algs, &w->secret);

	sip_msg_deref(m);
	return r;
}

static enum sip_auth_result answer_with(struct world *w, struct phone *p, unsigned algs)
{
	struct buf out = {0};
	enum sip_auth_result r;

	sip_digest_answer(w->digest, &out, &p->c, &p->a);
	r = check_line(w, out.p, algs);
	buf_free(&out);
	return r;
}

static enum sip_auth_result answer(struct world *w, struct phone *p)
{
	return answer_with(w, p, BOTH);
}

static void right_password_is_accepted_with_both_algorithms(void **state)
{
	struct phone p;

	challenge(*state, &p, SIP_DIGEST_MD5);
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	challenge(*state, &p, SIP_DIGEST_SHA256);
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	/* without algorithm= it is MD5 */
	challenge(*state, &p, SIP_DIGEST_MD5);
	p.c.says_alg = false;
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
}

static void wrong_password_user_uri_method_or_algorithm_is_wrong(void **state)
{
	struct phone p;

	challenge(*state, &p, SIP_DIGEST_MD5);
	p.a.password = STR("Secret");
	assert_int_equal(answer(*state, &p), SIP_AUTH_WRONG);
	challenge(*state, &p, SIP_DIGEST_MD5);
	p.a.username = STR("102");
	assert_int_equal(answer(*state, &p), SIP_AUTH_WRONG);
	challenge(*state, &p, SIP_DIGEST_MD5);
	p.a.uri = STR("sip:other.example.com");
	assert_int_equal(answer(*state, &p), SIP_AUTH_WRONG);
	challenge(*state, &p, SIP_DIGEST_MD5);
	p.a.method = STR("INVITE");
	assert_int_equal(answer(*state, &p), SIP_AUTH_WRONG);
	challenge(*state, &p, SIP_DIGEST_MD5);
	assert_int_equal(answer_with(*state, &p, SIP_DIGEST_SHA256), SIP_AUTH_WRONG);
	/* a wrong one did not use up the count */
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
}

static void count_must_grow(void **state)
{
	struct phone p;

	challenge(*state, &p, SIP_DIGEST_MD5);
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	assert_int_equal(answer(*state, &p), SIP_AUTH_STALE);
	p.a.nc = 2;
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	p.a.nc = 9;
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	p.a.nc = 8;
	assert_int_equal(answer(*state, &p), SIP_AUTH_STALE);
	p.a.nc = 0;
	assert_int_equal(answer(*state, &p), SIP_AUTH_STALE);
}

static void old_phone_without_qop_uses_a_nonce_once(void **state)
{
	struct phone p;

	challenge(*state, &p, SIP_DIGEST_MD5);
	p.c.has_qop = false;
	assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	assert_int_equal(answer(*state, &p), SIP_AUTH_STALE);
}

static void nonce_grows_old(void **state)
{
	struct world *w = *state;
	struct phone p;

	challenge(w, &p, SIP_DIGEST_MD5);
	w->clock.now_us += 300 * UINT64_C(1000000);
	assert_int_equal(answer(w, &p), SIP_AUTH_OK);
	w->clock.now_us += 1000;
	p.a.nc = 2;
	assert_int_equal(answer(w, &p), SIP_AUTH_STALE);
	/* who does not know the password does not learn that */
	p.a.password = STR("guess");
	assert_int_equal(answer(w, &p), SIP_AUTH_WRONG);
}

static void nonce_of_another_maker_or_realm_is_stale(void **state)
{
	struct world *w = *state;
	struct sip_nonces *other;
	struct phone p;

	challenge(w, &p, SIP_DIGEST_MD5);
	p.c.nonce = STR("0123456789abcdef");
	assert_int_equal(answer(w, &p), SIP_AUTH_STALE);
	assert_int_equal(sip_nonces_alloc(&other, &w->rng.rng, 1000), 0);
	sip_nonce_make(other, p.nonce, REALM, 0);
	p.c.nonce = str_of(p.nonce);
	assert_int_equal(answer(w, &p), SIP_AUTH_STALE);
	sip_nonces_free(other);
	challenge(w, &p, SIP_DIGEST_MD5);
	p.nonce[20] ^= 1;
	assert_int_equal(answer(w, &p), SIP_AUTH_STALE);
}

static void other_realms_and_schemes_do_not_count(void **state)
{
	struct phone p;

	assert_int_equal(check_line(*state, "", BOTH), SIP_AUTH_NONE);
	assert_int_equal(check_line(*state, "Authorization: Basic eDp5\r\n", BOTH), SIP_AUTH_NONE);
	challenge(*state, &p, SIP_DIGEST_MD5);
	p.c.realm = STR("example.org");
	assert_int_equal(answer(*state, &p), SIP_AUTH_NONE);
}

/* The account of our realm may stand in the second header of two. */
static void credentials_for_several_realms_are_told_apart(void **state)
{
	struct world *w = *state;
	struct buf out = {0};
	struct phone p;
	struct sip_msg *m;

	challenge(w, &p, SIP_DIGEST_MD5);
	p.c.realm = STR("example.org");
	p.a.username = STR("somebody");
	sip_digest_answer(w->digest, &out, &p.c, &p.a);
	p.c.realm = REALM;
	p.a.username = STR("101");
	sip_digest_answer(w->digest, &out, &p.c, &p.a);
	m = request(out.p);
	assert_true(str_eq(sip_auth_username(m, false, REALM), STR("101")));
	assert_null(sip_auth_username(m, true, REALM).p);
	assert_null(sip_auth_username(m, false, STR("example.net")).p);
	assert_int_equal(sip_auth_check(w->auth, m, false, REALM, BOTH, &w->secret), SIP_AUTH_OK);
	sip_msg_deref(m);
	buf_free(&out);
}

static void equivalent_uris_are_accepted(void **state)
{
	static const char *const same[] = {"sip:example.com",	   "SIP:Example.COM",
					   "sip:example.com:5060", "sip:example.com;transport=udp",
					   "sip:192.0.2.1:5060",   "sip:192.0.2.1"};
	static const char *const other[] = {
		"sips:example.com", "sip:example.com:5070", "sip:101@example.com", "/",
		"tel:+1",	    "sip:192.0.2.2:5060",   "sip:192.0.2.1:5061"};
	struct phone p;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		challenge(*state, &p, SIP_DIGEST_MD5);
		p.a.uri = str_of(same[i]);
		assert_int_equal(answer(*state, &p), SIP_AUTH_OK);
	}
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		challenge(*state, &p, SIP_DIGEST_MD5);
		p.a.uri = str_of(other[i]);
		assert_int_equal(answer(*state, &p), SIP_AUTH_WRONG);
	}
}

#define GOOD	 "username=\"101\", realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\""
#define RESPONSE ", response=\"0123456789abcdef0123456789abcdef\""

static void malformed_credentials_are_bad(void **state)
{
	static const char *const bad[] = {
		"Digest",
		"Digest=",
		"Digest username=\"101\"",
		"Digest username=\"101\", realm=\"example.com\"",
		"Digest realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\"" RESPONSE,
		"Digest " GOOD,
		"Digest " GOOD ", response=\"0123",
		"Digest " GOOD RESPONSE RESPONSE,
		"Digest " GOOD RESPONSE ", realm=\"example.com\"",
		"Digest " GOOD RESPONSE " nc=1",
		"Digest " GOOD RESPONSE ", qop=auth",
		"Digest " GOOD RESPONSE ", qop=auth, cnonce=\"x\", nc=1",
		"Digest " GOOD RESPONSE ", qop=auth, cnonce=\"x\", nc=0000000g",
		"Digest " GOOD RESPONSE ", qop=auth, cnonce=\"\", nc=00000001",
		"Digest " GOOD RESPONSE ", qop=token, cnonce=\"x\", nc=00000001",
		"Digest " GOOD RESPONSE ", =x",
		"Digest " GOOD RESPONSE ", x=",
		"Digest \"" GOOD RESPONSE,
	};
	char line[1024];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(line, sizeof(line), "Authorization: %s\r\n", bad[i]);
		assert_int_equal(check_line(*state, line, BOTH), SIP_AUTH_BAD);
	}
	/* the control: the same, whole, is only wrong */
	assert_int_equal(check_line(*state, "Authorization: Digest " GOOD RESPONSE "\r\n", BOTH),
			 SIP_AUTH_WRONG);
	assert_int_equal(check_line(*state,
				    "Authorization: digest , " GOOD RESPONSE
				    ", , qop = auth , cnonce=\"x\", nc=00000001, x=\"a,b\\\"\"\r\n",
				    BOTH),
			 SIP_AUTH_WRONG);
	assert_int_equal(
		check_line(*state,
			   "Authorization: Digest " GOOD RESPONSE ", algorithm=MD5-sess\r\n", BOTH),
		SIP_AUTH_WRONG);
	assert_int_equal(
		check_line(*state, "Authorization: Digest " GOOD ", response=\"\"\r\n", BOTH),
		SIP_AUTH_WRONG);
}

static void challenge_offers_md5_before_sha256(void **state)
{
	struct world *w = *state;
	struct buf out = {0};
	const char *md5, *sha;

	sip_auth_challenge(w->auth, &out, true, STR("a \"b\""), BOTH, true);
	md5 = strstr(out.p, "Proxy-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"");
	assert_non_null(md5);
	assert_non_null(strstr(md5, "algorithm=MD5, qop=\"auth\", stale=true\r\n"));
	sha = strstr(out.p, "algorithm=SHA-256, qop=\"auth\", stale=true\r\n");
	assert_true(sha > md5);
	buf_free(&out);
}

static void realm_with_quotes_matches_its_escaped_form(void **state)
{
	struct sip_msg *m = request(
		"Authorization: Digest username=\"101\", realm=\"a \\\"b\\\"\", nonce=\"n\", "
		"uri=\"sip:example.com\"" RESPONSE "\r\n");

	assert_true(str_eq(sip_auth_username(m, false, STR("a \"b\"")), STR("101")));
	assert_null(sip_auth_username(m, false, STR("a \\\"b\\\"")).p);
	sip_msg_deref(m);
}

/* More nonces used than the table holds: the oldest are stale, no count is ever taken twice, memory stays. */
static void flood_of_used_nonces_lets_no_replay_through(void **state)
{
	enum { N = SIP_NONCE_BUCKETS * (SIP_NONCE_WAYS + 1) };
	static char nonces[N][SIP_NONCE_CHARS + 1];
	struct world *w = *state;
	struct sip_nonces *n;
	uint64_t bytes;
	size_t forgotten = 0;

	assert_int_equal(sip_nonces_alloc(&n, &w->rng.rng, 1000000), 0);
	bytes = mem_bytes();
	for (unsigned i = 0; i < N; i++) {
		sip_nonce_make(n, nonces[i], REALM, i / 10);
		assert_true(sip_nonce_use(n, str_of(nonces[i]), 1));
	}
	for (unsigned i = 0; i < N; i++) {
		assert_false(sip_nonce_use(n, str_of(nonces[i]), 1));
		assert_true(sip_nonce_fresh(n, str_of(nonces[i]), REALM, N / 10));
		forgotten += !sip_nonce_use(n, str_of(nonces[i]), 2);
	}
	assert_int_equal(forgotten, SIP_NONCE_BUCKETS);
	assert_int_equal(mem_bytes(), bytes);
	sip_nonces_free(n);
}

#ifdef OFFHOOK_TEST_BUILD
static void every_allocation_may_fail(void **state)
{
	struct world *w = *state;
	struct sip_auth *a = NULL;
	uint64_t objects = mem_objects();
	unsigned n = 0;

	for (;;) {
		int err;

		mem_fail(++n, false);
		err = sip_auth_alloc(&a, &w->env, 0);
		if (!mem_failed())
			break;
		assert_int_equal(err, ENOMEM);
		assert_null(a);
		assert_int_equal(mem_objects(), objects);
	}
	mem_fail(0, false);
	assert_true(n > 3);
	assert_non_null(a);
	sip_auth_free(a);
	assert_int_equal(mem_objects(), objects);
}
#endif

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(right_password_is_accepted_with_both_algorithms),
		T(wrong_password_user_uri_method_or_algorithm_is_wrong),
		T(count_must_grow),
		T(old_phone_without_qop_uses_a_nonce_once),
		T(nonce_grows_old),
		T(nonce_of_another_maker_or_realm_is_stale),
		T(other_realms_and_schemes_do_not_count),
		T(credentials_for_several_realms_are_told_apart),
		T(equivalent_uris_are_accepted),
		T(malformed_credentials_are_bad),
		T(challenge_offers_md5_before_sha256),
		T(realm_with_quotes_matches_its_escaped_form),
		T(flood_of_used_nonces_lets_no_replay_through),
#ifdef OFFHOOK_TEST_BUILD
		T(every_allocation_may_fail),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
