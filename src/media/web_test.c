/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hand-shakes between two of our own, and who may take part in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <time.h>
#include "media/relay.h"
#include "media/secure.h"
#include "media/check_fixture.h"
#include "media/web.h"

#define SECOND 1000000ull

static const struct addr nowhere;

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

/* A server ("ours") and a device ("theirs"), each with a certificate. */
struct two {
	struct dtls_identity *our_id, *their_id, *other_id;
	struct web *ours, *theirs;
	struct addr we, they, stranger;
	uint64_t now_us;
	unsigned nkeys; /* WEB_KEYS of both */
};

static struct media_dtls conf_of(const struct dtls_identity *peer, bool is_client,
				 const char *ufrag)
{
	struct media_dtls c = {.is_client = is_client, .rtcp_mux = true};

	dtls_identity_fingerprint(peer, &c.theirs);
	str_fit(c.ours.ufrag, sizeof(c.ours.ufrag), str_of(ufrag));
	if (*ufrag)
		str_fit(c.ours.password, sizeof(c.ours.password), STR("password-of-ours-000000"));
	return c;
}

static struct web *web_of(const struct dtls_identity *id, const struct media_dtls *conf,
			  const struct addr *peer)
{
	struct web *w;

	assert_int_equal(web_alloc(&w, id, conf, peer), 0);
	return w;
}

static void ids(struct two *t)
{
	memset(t, 0, sizeof(*t));
	t->we = at("192.0.2.1", 4000);
	t->they = at("192.0.2.2", 5000);
	t->stranger = at("203.0.113.6", 6000);
	t->now_us = 100 * SECOND;
	assert_int_equal(dtls_identity_alloc(&t->our_id), 0);
	assert_int_equal(dtls_identity_alloc(&t->their_id), 0);
	assert_int_equal(dtls_identity_alloc(&t->other_id), 0);
}

/* Without ICE; who is client, and whom we expect. */
static void begin(struct two *t, bool are_we_client, bool is_expected)
{
	struct media_dtls ours, theirs;

	ids(t);
	ours = conf_of(is_expected ? t->their_id : t->other_id, are_we_client, "");
	theirs = conf_of(t->our_id, !are_we_client, "");
	t->ours = web_of(t->our_id, &ours, &t->they);
	t->theirs = web_of(t->their_id, &theirs, &t->we);
}

static void end(struct two *t)
{
	web_free(t->ours);
	web_free(t->theirs);
	dtls_identity_free(t->our_id);
	dtls_identity_free(t->their_id);
	dtls_identity_free(t->other_id);
}

/* What one says reaches the other, as coming from `src`; returns how many datagrams. */
static unsigned carry(struct two *t, struct web *from, struct web *to, const struct addr *src,
		      bool is_trusted)
{
	uint8_t p[4096];
	struct addr dst;
	unsigned sent = 0;
	size_t n;

	while ((n = web_take(from, p, sizeof(p), &dst))) {
		sent++;
		assert_true(n <= DTLS_DATAGRAM_BYTES);
		t->nkeys += web_packet(to, src, is_trusted, p, n, t->now_us) == WEB_KEYS;
	}
	return sent;
}

static void shake(struct two *t, const struct addr *they, bool is_trusted)
{
	unsigned sent = 1;

	for (unsigned i = 0; i < 10 && sent; i++) {
		int err = web_sweep(t->ours, t->now_us);

		assert_true(!err || err == EACCES);
		err = web_sweep(t->theirs, t->now_us);
		assert_true(!err || err == EACCES || err == EPROTO);
		sent = carry(t, t->theirs, t->ours, they, is_trusted);
		sent += carry(t, t->ours, t->theirs, &t->we, true);
	}
}

static void same_keys(struct two *t)
{
	struct media_key in, out, their_in, their_out;

	assert_int_equal(web_keys(t->ours, &in, &out), 0);
	assert_int_equal(web_keys(t->theirs, &their_in, &their_out), 0);
	assert_memory_equal(&in, &their_out, sizeof(in));
	assert_memory_equal(&out, &their_in, sizeof(in));
	assert_memory_not_equal(in.bytes, out.bytes, sdp_suite_bytes(in.suite));
}

static void both_roles_end_with_the_same_keys(void **state)
{
	for (int client = 0; client < 2; client++) {
		struct two t;

		begin(&t, client, true);
		shake(&t, &t.they, true);
		assert_int_equal(t.nkeys, 2);
		same_keys(&t);
		assert_int_equal(web_sweep(t.ours, t.now_us), 0);
		end(&t);
	}
}

static void another_certificate_than_described_fails_for_good(void **state)
{
	for (int client = 0; client < 2; client++) {
		struct media_key in, out;
		struct two t;

		begin(&t, client, false);
		shake(&t, &t.they, true);
		assert_int_equal(web_sweep(t.ours, t.now_us), EACCES);
		assert_int_equal(web_keys(t.ours, &in, &out), ENOENT);
		end(&t);
	}
}

/* CVE-2023-49786: a ClientHello before the device's own takes nothing from it. */
static void a_strangers_client_hello_before_the_device_changes_nothing(void **state)
{
	struct media_dtls conf;
	struct web *evil;
	struct two t;

	begin(&t, false, true);
	conf = conf_of(t.our_id, true, "");
	for (uint16_t i = 0; i < 20; i++) {
		struct addr src = at("203.0.113.6", (uint16_t)(6000 + i));

		evil = web_of(t.other_id, &conf, &t.we);
		assert_int_equal(web_sweep(evil, t.now_us), 0);
		carry(&t, evil, t.ours, &src, false);
		/* even to its end: its certificate is not the one */
		carry(&t, t.ours, evil, &t.we, true);
		carry(&t, evil, t.ours, &src, false);
		web_free(evil);
	}
	t.nkeys = 0;
	shake(&t, &t.they, true);
	assert_int_equal(t.nkeys, 2);
	same_keys(&t);
	end(&t);
}

static void behind_a_nat_the_certificate_is_enough(void **state)
{
	struct two t;

	begin(&t, false, true);
	shake(&t, &t.stranger, false);
	assert_int_equal(t.nkeys, 2);
	assert_true(addr_eq(web_pair(t.ours), &t.stranger));
	end(&t);
}

static void noise_is_not_a_hand_shake_and_ends_none(void **state)
{
	uint8_t p[100];
	struct two t;

	begin(&t, false, true);
	for (unsigned i = 0; i < 2000; i++) {
		memset(p, (int)(i * 7), sizeof(p));
		p[0] = (uint8_t)(20 + i % 44);
		p[13] = (uint8_t)(i % 20);
		(void)web_packet(t.ours, &t.stranger, false, p, 1 + i % 100, t.now_us);
	}
	assert_int_equal(web_sweep(t.ours, t.now_us), 0);
	t.nkeys = 0;
	shake(&t, &t.they, true);
	assert_int_equal(t.nkeys, 2);
	end(&t);
}

static void what_is_lost_is_sent_again(void **state)
{
	uint8_t p[4096];
	struct addr dst;
	struct two t;

	begin(&t, false, true);
	assert_int_equal(web_sweep(t.theirs, t.now_us), 0);
	while (web_take(t.theirs, p, sizeof(p), &dst)) /* lost */
		;
	assert_int_equal(web_take(t.theirs, p, sizeof(p), &dst), 0);
	for (unsigned i = 0; i < 200 && !t.nkeys; i++) { /* OpenSSL has a clock of its own */
		struct timespec nap = {.tv_nsec = 20000000};

		nanosleep(&nap, NULL);
		shake(&t, &t.they, true);
	}
	assert_int_equal(t.nkeys, 2);
	end(&t);
}

static void another_certificate_in_a_new_description_begins_anew(void **state)
{
	struct media_key before, after, out;
	struct media_dtls conf;
	struct two t;

	begin(&t, false, true);
	shake(&t, &t.they, true);
	assert_int_equal(web_keys(t.ours, &before, &out), 0);
	conf = conf_of(t.their_id, false, "");
	assert_int_equal(web_change(t.ours, &conf, &t.they), 0); /* the same again */
	assert_int_equal(web_keys(t.ours, &after, &out), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	web_free(t.theirs);
	conf = conf_of(t.our_id, true, "");
	t.theirs = web_of(t.other_id, &conf, &t.we);
	conf = conf_of(t.other_id, false, "");
	assert_int_equal(web_change(t.ours, &conf, &t.they), 0);
	assert_int_equal(web_keys(t.ours, &after, &out), ENOENT);
	t.nkeys = 0;
	shake(&t, &t.they, true);
	assert_int_equal(t.nkeys, 2);
	same_keys(&t);
	assert_int_equal(web_keys(t.ours, &after, &out), 0);
	assert_memory_not_equal(&before, &after, sizeof(before));
	end(&t);
}

/* ---- with ICE ---- */

static void begin_ice(struct two *t, bool are_we_client)
{
	struct media_dtls ours, theirs;

	ids(t);
	ours = conf_of(t->their_id, are_we_client, "ours");
	theirs = conf_of(t->our_id, !are_we_client, "");
	t->ours = web_of(t->our_id, &ours, &nowhere);
	t->theirs = web_of(t->their_id, &theirs, &t->we);
}

static enum web_news check(struct two *t, const struct addr *src, const char *user, unsigned what)
{
	uint8_t p[CHECK_MAX_BYTES];
	size_t n = check_make(p, user, "password-of-ours-000000", what);

	return web_packet(t->ours, src, false, p, n, t->now_us);
}

static size_t said(struct two *t, struct addr *to)
{
	uint8_t p[4096];

	return web_take(t->ours, p, sizeof(p), to);
}

static void nothing_is_said_before_a_check_and_only_to_who_checked(void **state)
{
	struct addr to;
	struct two t;

	begin_ice(&t, true);
	assert_int_equal(web_sweep(t.ours, t.now_us), 0);
	assert_int_equal(said(&t, &to), 0);
	assert_int_equal(check(&t, &t.stranger, "other:them", 0), WEB_REFUSED);
	assert_int_equal(said(&t, &to), 0);
	assert_int_equal(check(&t, &t.they, "ours:them", 0), WEB_PAIR);
	assert_true(said(&t, &to) > 0); /* the answer */
	assert_true(addr_eq(&to, &t.they));
	assert_true(said(&t, &to) > 0); /* our ClientHello */
	assert_true(addr_eq(&to, &t.they));
	end(&t);
}

static void a_client_hello_from_an_unchecked_source_is_not_read(void **state)
{
	struct addr to;
	struct two t;

	begin_ice(&t, false);
	assert_int_equal(web_sweep(t.theirs, t.now_us), 0);
	assert_int_equal(carry(&t, t.theirs, t.ours, &t.stranger, true), 1);
	assert_int_equal(said(&t, &to), 0);
	assert_int_equal(check(&t, &t.they, "ours:them", CHECK_NOMINATES), WEB_PAIR);
	assert_true(said(&t, &to) > 0);
	assert_false(web_is_valid(t.ours, &t.stranger));
	end(&t);
}

static void both_roles_shake_hands_over_a_checked_pair(void **state)
{
	for (int client = 0; client < 2; client++) {
		uint8_t p[4096];
		struct addr to;
		struct two t;

		begin_ice(&t, client);
		assert_int_equal(check(&t, &t.they, "ours:them", CHECK_NOMINATES), WEB_PAIR);
		assert_int_equal(web_take(t.ours, p, CHECK_ANSWER_BYTES, &to), 64);
		shake(&t, &t.they, false);
		assert_int_equal(t.nkeys, 2);
		same_keys(&t);
		end(&t);
	}
}

static void the_pair_nominated_last_is_sent_to(void **state)
{
	struct addr other = at("192.0.2.2", 5002);
	struct two t;

	begin_ice(&t, false);
	assert_int_equal(check(&t, &t.they, "ours:them", 0), WEB_PAIR);
	assert_int_equal(check(&t, &other, "ours:them", 0), WEB_OLD);
	assert_true(addr_eq(web_pair(t.ours), &t.they));
	assert_int_equal(check(&t, &other, "ours:them", CHECK_NOMINATES), WEB_PAIR);
	assert_true(addr_eq(web_pair(t.ours), &other));
	assert_true(web_is_valid(t.ours, &t.they));
	end(&t);
}

static void pairs_are_bounded_and_the_oldest_goes(void **state)
{
	struct two t;

	begin_ice(&t, false);
	assert_int_equal(check(&t, &t.they, "ours:them", CHECK_NOMINATES), WEB_PAIR);
	for (uint16_t i = 0; i < 100; i++) {
		struct addr src = at("192.0.2.2", (uint16_t)(6000 + i));

		t.now_us += SECOND / 10;
		assert_int_equal(check(&t, &src, "ours:them", 0), WEB_OLD);
	}
	assert_true(web_is_valid(t.ours, &t.they)); /* chosen */
	end(&t);
}

static void consent_lasts_as_long_as_it_checks(void **state)
{
	struct two t;

	begin_ice(&t, false);
	t.now_us += 60 * SECOND; /* it may take its time to begin */
	assert_int_equal(web_sweep(t.ours, t.now_us), 0);
	assert_int_equal(check(&t, &t.they, "ours:them", CHECK_NOMINATES), WEB_PAIR);
	for (unsigned i = 0; i < 20; i++) {
		t.now_us += 15 * SECOND;
		assert_int_equal(web_sweep(t.ours, t.now_us), 0);
		(void)check(&t, &t.they, "ours:them", 0);
	}
	t.now_us += 20 * SECOND;
	(void)check(&t, &t.stranger, "ours:them", 0); /* another pair's check is not consent */
	t.now_us += 11 * SECOND;
	assert_int_equal(web_sweep(t.ours, t.now_us), ETIMEDOUT);
	end(&t);
}

static void a_new_user_name_starts_ice_anew_and_keeps_the_keys(void **state)
{
	struct media_key in, out;
	struct media_dtls conf;
	struct two t;

	begin_ice(&t, false);
	assert_int_equal(check(&t, &t.they, "ours:them", CHECK_NOMINATES), WEB_PAIR);
	shake(&t, &t.they, false);
	conf = conf_of(t.their_id, false, "anew");
	assert_int_equal(web_change(t.ours, &conf, &nowhere), 0);
	assert_int_equal(web_keys(t.ours, &in, &out), 0);
	assert_true(addr_eq(web_pair(t.ours), &t.they)); /* until the next is nominated */
	assert_int_equal(check(&t, &t.stranger, "ours:them", CHECK_NOMINATES), WEB_REFUSED);
	assert_int_equal(check(&t, &t.stranger, "anew:them", CHECK_NOMINATES), WEB_PAIR);
	assert_true(addr_eq(web_pair(t.ours), &t.stranger));
	end(&t);
}

/* ---- a stream with it ---- */

static void media_before_the_keys_or_from_an_unchecked_source_does_not_pass(void **state)
{
	uint8_t rtp[172 + SECURE_TRAILER_BYTES] = {0x80, 0, 0, 1};
	struct media_remote r = {.may_send = true, .may_receive = true, .rtcp_mux = true};
	struct stream s, peer;
	struct media_dtls conf;
	size_t n = 172;
	struct two t;

	begin_ice(&t, false);
	stream_init(&s, 0);
	stream_init(&peer, 0);
	conf = conf_of(t.their_id, false, "ours");
	assert_int_equal(secure_init(), 0);
	assert_int_equal(stream_dtls(&s, t.our_id, &conf, t.now_us), 0);
	stream_remote(&s, &r, t.now_us);
	stream_join(&s, &peer);
	assert_null(relay_packet(&s.rtp, &t.they, rtp, &n, t.now_us));
	assert_int_equal(s.rtp.rx_forged, 1);
	assert_int_equal(s.rtp.nto, 0);
	n = check_make(rtp, "ours:them", "password-of-ours-000000", CHECK_NOMINATES);
	assert_null(relay_packet(&s.rtp, &t.they, rtp, &n, t.now_us));
	assert_true(s.news & RELAY_SAYS);
	assert_int_not_equal(s.rtp.nto, 0);
	stream_close(&s);
	end(&t);
}

/* RFC 8842 5.3: a device that answers begins at once, and its ClientHello may be here before its answer. */
static void a_client_hello_before_the_answer_is_kept_for_it(void **state)
{
	struct media_remote r = {.may_send = true, .may_receive = true, .rtcp_mux = true};
	uint8_t early[4096 + SECURE_TRAILER_BYTES], late[4096];
	struct media_dtls conf;
	struct stream s;
	struct addr dst;
	struct two t;
	size_t n, nlate;

	begin(&t, false, true);
	assert_int_equal(web_sweep(t.theirs, t.now_us), 0);
	n = web_take(t.theirs, early, sizeof(early), &dst);
	assert_true(n > 0);
	for (int is_owned = 0; is_owned < 2; is_owned++) {
		stream_init(&s, 0);
		s.owner = is_owned ? &s : NULL; /* a spare one keeps nothing */
		assert_null(relay_packet(&s.rtp, &t.stranger, early, &n, t.now_us));
		assert_null(relay_packet(&s.rtp, &t.they, early, &n, t.now_us));
		conf = conf_of(t.their_id, false, "");
		assert_int_equal(stream_dtls(&s, t.our_id, &conf, t.now_us), 0);
		assert_int_equal(stream_web_take(&s.rtp, late, sizeof(late), &dst), 0);
		s.news = 0;
		r.rtp = t.they;
		stream_remote(&s, &r, t.now_us);
		assert_int_equal(s.news & RELAY_SAYS, is_owned ? RELAY_SAYS : 0);
		nlate = stream_web_take(&s.rtp, late, sizeof(late), &dst);
		assert_int_equal(nlate > 0, is_owned);
		assert_true(!nlate || addr_eq(&dst, &t.they));
		stream_close(&s);
	}
	end(&t);
}

static void what_came_before_a_plain_description_is_forgotten(void **state)
{
	struct media_remote r = {.may_send = true, .may_receive = true};
	uint8_t early[4096 + SECURE_TRAILER_BYTES];
	struct addr dst;
	struct stream s;
	struct two t;
	size_t n;

	begin(&t, false, true);
	assert_int_equal(web_sweep(t.theirs, t.now_us), 0);
	n = web_take(t.theirs, early, sizeof(early), &dst);
	stream_init(&s, 0);
	s.owner = &s;
	assert_null(relay_packet(&s.rtp, &t.they, early, &n, t.now_us));
	assert_non_null(s.rtp.early);
	assert_null(relay_packet(&s.rtcp, &t.they, early, &n, t.now_us));
	assert_non_null(s.rtcp.early);
	r.rtp = t.they;
	stream_remote(&s, &r, t.now_us);
	assert_null(s.rtp.early);
	assert_null(s.rtcp.early);
	assert_null(relay_packet(&s.rtp, &t.they, early, &n, t.now_us));
	assert_null(s.rtp.early);
	stream_close(&s);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_hello_before_the_answer_is_kept_for_it),
		cmocka_unit_test(what_came_before_a_plain_description_is_forgotten),
		cmocka_unit_test(both_roles_end_with_the_same_keys),
		cmocka_unit_test(another_certificate_than_described_fails_for_good),
		cmocka_unit_test(a_strangers_client_hello_before_the_device_changes_nothing),
		cmocka_unit_test(behind_a_nat_the_certificate_is_enough),
		cmocka_unit_test(noise_is_not_a_hand_shake_and_ends_none),
		cmocka_unit_test(what_is_lost_is_sent_again),
		cmocka_unit_test(another_certificate_in_a_new_description_begins_anew),
		cmocka_unit_test(nothing_is_said_before_a_check_and_only_to_who_checked),
		cmocka_unit_test(a_client_hello_from_an_unchecked_source_is_not_read),
		cmocka_unit_test(both_roles_shake_hands_over_a_checked_pair),
		cmocka_unit_test(the_pair_nominated_last_is_sent_to),
		cmocka_unit_test(pairs_are_bounded_and_the_oldest_goes),
		cmocka_unit_test(consent_lasts_as_long_as_it_checks),
		cmocka_unit_test(a_new_user_name_starts_ice_anew_and_keeps_the_keys),
		cmocka_unit_test(media_before_the_keys_or_from_an_unchecked_source_does_not_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
