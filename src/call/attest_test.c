/* SPDX-License-Identifier: GPL-3.0-or-later */
/* STIR/SHAKEN over trunks: what is signed, and what is checked. */
#include "call/testing_transfer.h"
#include "call/testing_trunk.h"
#include "stir/passport.h"
#include "stir/testing.h"

#define URL "https://cert.example/a.pem"

struct story {
	struct world *w;
	struct stir_test_ca ca;
	struct stir_key *key;
	struct stir_roots *roots;
};

static int64_t now_s(const struct world *w)
{
	return clock_wall_us(w->net.conf.env.clock) / 1000000;
}

static void put_certificate(struct world *w, uint64_t id, const char *kind, const char *chain,
			    const char *key)
{
	char name[24];
	json_t *o;
	char *text;

	snprintf(name, sizeof(name), "c%u", (unsigned)id);
	o = json_pack("{ss ss ss ss ss}", "name", name, "kind", kind, "url", URL, "chain", chain,
		      "key", key);
	text = json_dumps(o, JSON_COMPACT);
	testing_put(w->model, &resource_stir_certificate, 0, id, text);
	free(text);
	json_decref(o);
}

static void open_story(struct story *s, void **state)
{
	s->w = *state;
	stir_test_ca_make(&s->ca, (time_t)now_s(s->w));
	assert_int_equal(stir_key_open(&s->key, s->ca.cert, s->ca.key), 0);
	assert_int_equal(stir_roots_alloc(&s->roots), 0);
	assert_int_equal(stir_roots_add(s->roots, s->ca.root), 0);
	put(s->w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'desk','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'1'}}");
	COPY_TEXT(s->w->phone[ONE].user, "+33123456");
}

static void close_story(struct story *s)
{
	stir_key_free(s->key);
	stir_roots_free(s->roots);
	stir_test_ca_free(&s->ca);
}

static void checks(struct world *w, const char *how)
{
	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6','stir_check':'%s'}", how);
}

/* A call to the desk with an Identity that says so. */
static void comes(struct story *s, struct ua *far, const char *orig, const char *dest, int64_t iat)
{
	struct stir_claim c = {.attest = 'B', .origid = "1", .iat_s = iat};
	struct buf line = {0};

	COPY_TEXT(c.orig, orig);
	COPY_TEXT(c.dest, dest);
	buf_cstr(&line, "Identity: ");
	assert_int_equal(stir_sign(&line, s->key, &c, STR(URL)), 0);
	buf_char(&line, '\n');
	calls_number_h(far, &s->w->phone[ONE], "442070000101", line.p, audio(&s->w->phone[ONE]));
	buf_free(&line);
}

static void refused(struct story *s, struct ua *far, unsigned status, const char *why)
{
	ua_got(far, status);
	nothing(&s->w->phone[1]);
	assert_string_equal(last_call(s->w)->attestation, why);
}

static void rings_with(struct story *s, struct ua *far, const char *verstat, const char *record)
{
	struct ua a = {0};
	struct sip_msg *m = rings(&a, &s->w->phone[1]);
	char pai[160];

	snprintf(pai, sizeof(pai), "<sip:+33123456;verstat=%s@acme.example;user=phone>", verstat);
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, pai);
	ua_reply(&a, 486, "");
	ua_got(far, 486);
	ua_done(&a);
	assert_string_equal(last_call(s->w)->attestation, record);
}

static void what_is_not_asked_for_is_not_looked_at(void **state)
{
	struct story s;
	struct ua far, a = {0};

	open_story(&s, state);
	comes(&s, &far, "1", "2", 0);
	assert_false(sip_msg_has(rings(&a, &s.w->phone[1]), SIP_HDR_P_ASSERTED_IDENTITY));
	ua_reply(&a, 486, "");
	ua_got(&far, 486);
	ua_done(&a);
	assert_string_equal(last_call(s.w)->attestation, "");
	close_story(&s);
}

static void a_caller_somebody_vouches_for_is_shown_so(void **state)
{
	struct story s;
	struct ua far;

	open_story(&s, state);
	checks(s.w, "show");
	put_certificate(s.w, 71, "authority", s.ca.root, "");
	put_certificate(s.w, 72, "known", s.ca.cert, "");
	comes(&s, &far, "33123456", "442070000101", now_s(s.w));
	rings_with(&s, &far, "TN-Validation-Passed", "B passed");
	comes(&s, &far, "33123457", "442070000101", now_s(s.w));
	rings_with(&s, &far, "TN-Validation-Failed", "invalid");
	calls_number(&far, &s.w->phone[ONE], "442070000101", audio(&s.w->phone[ONE]));
	rings_with(&s, &far, "No-TN-Validation", "absent");
	close_story(&s);
}

static void where_it_is_required_each_failure_has_its_answer(void **state)
{
	struct story s;
	struct ua far;

	open_story(&s, state);
	checks(s.w, "require");
	calls_number(&far, &s.w->phone[ONE], "442070000101", audio(&s.w->phone[ONE]));
	refused(&s, &far, 428, "absent");
	comes(&s, &far, "33123456", "442070000101", now_s(s.w));
	refused(&s, &far, 436, "no_certificate");
	put_certificate(s.w, 72, "known", s.ca.cert, "");
	comes(&s, &far, "33123456", "442070000101", now_s(s.w));
	refused(&s, &far, 437, "untrusted");
	put_certificate(s.w, 71, "authority", s.ca.root, "");
	comes(&s, &far, "33123456", "442070000101", now_s(s.w) - 100);
	refused(&s, &far, 403, "stale");
	comes(&s, &far, "33123456", "442070000102", now_s(s.w));
	refused(&s, &far, 438, "invalid");
	calls_number_h(&far, &s.w->phone[ONE], "442070000101", "Identity: x.y.z;info=<a>\n",
		       audio(&s.w->phone[ONE]));
	refused(&s, &far, 438, "invalid");
	comes(&s, &far, "33123456", "442070000101", now_s(s.w));
	rings_with(&s, &far, "TN-Validation-Passed", "B passed");
	close_story(&s);
}

static void our_calls_are_signed(void **state)
{
	struct story s;
	struct ua a, far = {0};
	struct sip_msg *m;
	struct stir_token t;

	open_story(&s, state);
	put_certificate(s.w, 73, "signer", s.ca.cert, s.ca.key);
	put(s.w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6','stir_sign':true}");
	calls_number(&a, &s.w->phone[1], "0033123456", audio(&s.w->phone[1]));
	m = rings(&far, &s.w->phone[ONE]);
	assert_true(sip_msg_has(m, SIP_HDR_DATE));
	assert_int_equal(stir_read(&t, sip_msg_header(m, SIP_HDR_IDENTITY), "33123456"), 0);
	assert_string_equal(t.url, URL);
	assert_int_equal(t.claim.attest, 'A');
	assert_int_equal(strlen(t.claim.origid), 36);
	assert_int_equal(stir_check(&t, s.key, s.roots, "442070000100", now_s(s.w)), STIR_PASSED);
	ua_reply(&far, 486, "");
	ua_got(&a, 486);
	assert_string_equal(last_call(s.w)->attestation, "A signed");
	/* a number that is shown by leave of the administrator is none of the tenant's */
	put(s.w, &resource_did_pool, TENANT, 31,
	    "{'trunk_id':'1','numbers':'4420700001**','caller_id':'4930555'}");
	calls_number(&a, &s.w->phone[1], "0033123456", audio(&s.w->phone[1]));
	m = rings(&far, &s.w->phone[ONE]);
	assert_int_equal(stir_read(&t, sip_msg_header(m, SIP_HDR_IDENTITY), "33123456"), 0);
	assert_int_equal(t.claim.attest, 'B');
	ua_reply(&far, 486, "");
	ua_got(&a, 486);
	/* who is not named is not vouched for */
	calls_number_h(&a, &s.w->phone[1], "0033123456", "Privacy: id\n", audio(&s.w->phone[1]));
	assert_false(sip_msg_has(rings(&far, &s.w->phone[ONE]), SIP_HDR_IDENTITY));
	ua_reply(&far, 486, "");
	ua_got(&a, 486);
	/* and without leave nothing is signed */
	put(s.w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6'}");
	calls_number(&a, &s.w->phone[1], "0033123456", audio(&s.w->phone[1]));
	assert_false(sip_msg_has(rings(&far, &s.w->phone[ONE]), SIP_HDR_IDENTITY));
	ua_reply(&far, 486, "");
	ua_got(&a, 486);
	ua_done(&far);
	close_story(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(what_is_not_asked_for_is_not_looked_at),
		TRUNK_STORY(a_caller_somebody_vouches_for_is_shown_so),
		TRUNK_STORY(where_it_is_required_each_failure_has_its_answer),
		TRUNK_STORY(our_calls_are_signed),
	};

	return cmocka_run_group_tests_name("attest", tests, NULL, NULL);
}
