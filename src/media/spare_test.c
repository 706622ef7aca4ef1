/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sockets that one call leaves to the next: the store of them, and the engine with them. */
#include "media/media_fixture.h"
#include "base/mem.h"
#include "media/relay.h"
#include "media/spare.h"

static struct stream *pair_at(const char *ip, uint16_t port)
{
	struct stream *st = mem_alloc(sizeof(*st));

	assert_non_null(st);
	stream_init(st, 0);
	st->rtp.local = addr_at(ip, port);
	return st;
}

static struct spares *store(size_t max)
{
	struct spares *s;

	assert_int_equal(spares_alloc(&s, max, rng_system()), 0);
	return s;
}

static void pair_is_drawn_when_it_has_cooled(void **state)
{
	struct spares *s = store(2);
	struct addr here = addr_at("127.20.0.10", 0);
	struct stream *st = pair_at("127.20.0.10", 30000);

	assert_int_equal(spares_put(s, st, 0, 1000), 0);
	assert_int_equal(spares_count(s), 1);
	assert_null(spares_take(s, 0, &here, false, 1000 + SPARE_COOL_MS - 1));
	assert_ptr_equal(spares_take(s, 0, &here, false, 1000 + SPARE_COOL_MS), st);
	assert_int_equal(spares_count(s), 0);
	assert_null(spares_take(s, 0, &here, false, 1000 + SPARE_COOL_MS));
	assert_int_equal(spares_put(s, st, 0, 9000), 0);
	assert_ptr_equal(spares_take(s, 0, &here, true, 9000), st);
	mem_free(st);
	spares_free(s);
}

static void only_the_same_thread_and_address_draws_it(void **state)
{
	struct spares *s = store(4);
	struct addr here = addr_at("127.20.0.10", 0), elsewhere = addr_at("127.20.0.11", 0);

	assert_int_equal(spares_put(s, pair_at("127.20.0.10", 30000), 1, 0), 0);
	assert_null(spares_take(s, 0, &here, true, SPARE_COOL_MS));
	assert_null(spares_take(s, 1, &elsewhere, true, SPARE_COOL_MS));
	assert_int_equal(spares_count(s), 1);
	spares_free(s);
}

static void no_more_are_kept_than_allowed(void **state)
{
	struct spares *s = store(1);
	struct stream *st = pair_at("127.20.0.10", 30002);

	assert_int_equal(spares_put(s, pair_at("127.20.0.10", 30000), 0, 0), 0);
	assert_int_equal(spares_put(s, st, 0, 0), ENOBUFS);
	mem_free(st);
	spares_free(s);
}

static void pair_that_nobody_needs_is_given_back(void **state)
{
	struct spares *s = store(2);
	struct stream *st = pair_at("127.20.0.10", 30000);
	uint16_t worker = 0;

	assert_int_equal(spares_put(s, st, 3, 0), 0);
	assert_int_equal(spares_put(s, pair_at("127.20.0.10", 30002), 3, 5000), 0);
	assert_null(spares_stale(s, &worker, SPARE_KEEP_MS - 1));
	assert_ptr_equal(spares_stale(s, &worker, SPARE_KEEP_MS), st);
	assert_int_equal(worker, 3);
	assert_null(spares_stale(s, &worker, SPARE_KEEP_MS));
	mem_free(st);
	spares_free(s);
}

static struct fixture *engine_with_spares(unsigned nspares, uint16_t max)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct media_conf conf = {.nthreads = 1,
				  .port_min = 31000,
				  .port_max = max,
				  .nspares = nspares,
				  .fn = on_event,
				  .arg = f};

	assert_non_null(f);
	thread_become(THREAD_CORE);
	assert_int_equal(media_open(&f->m, &conf), 0);
	return f;
}

static void engine_stop(struct fixture *f)
{
	f->m = media_close(f->m);
	free(f);
}

static void next_session_has_the_sockets_of_the_last(void **state)
{
	size_t before = open_descriptors();
	struct fixture *f = engine_with_spares(1, 31001);
	struct addr first = session_open(f, 1, 1, "127.20.0.10"), second;
	size_t open = open_descriptors();

	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).err, 0);
	assert_int_equal(media_ports_in_use(f->m), 0);
	assert_int_equal(open_descriptors(), open);
	second = session_open(f, 2, 2, "127.20.0.10"); /* the range has no other port */
	assert_true(addr_eq(&first, &second));
	assert_int_equal(open_descriptors(), open);
	assert_int_equal(media_ports_in_use(f->m), 1);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 2).err, 0);
	media_second(f->m);
	assert_int_equal(open_descriptors(), open);
	engine_stop(f);
	assert_int_equal(open_descriptors(), before);
}

static void sockets_beyond_the_spare_ones_are_closed(void **state)
{
	struct fixture *f = engine_with_spares(1, 31007);
	size_t before = open_descriptors();

	assert_int_equal(ask(f, cmd_open(1, 1, "127.20.0.10", 3)).type, MEDIA_OPENED);
	assert_int_equal(open_descriptors(), before + 6);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).err, 0);
	assert_int_equal(open_descriptors(), before + 2);
	engine_stop(f);
}

static void session_that_fails_leaves_the_spare_ones(void **state)
{
	struct fixture *f = engine_with_spares(2, 31003);

	session_open(f, 1, 1, "127.20.0.10");
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).err, 0);
	assert_int_equal(ask(f, cmd_open(2, 2, "127.20.0.10", 3)).err, ENOSPC);
	assert_int_equal(media_ports_in_use(f->m), 0);
	assert_int_equal(ask(f, cmd_open(3, 3, "127.20.0.10", 2)).type, MEDIA_OPENED);
	assert_int_equal(media_ports_in_use(f->m), 2);
	engine_stop(f);
}

/* What it sent before may be read, and refused, only now. */
static void is_refused(struct fixture *f, oid session, struct phone *p)
{
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;
	uint64_t before = counters(f, session).rx_refused;

	talk(p);
	while (counters(f, session).rx_refused == before) {
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(-1, 1);
	}
	assert_int_equal(counters(f, session).rx_packets, 0);
}

static void is_heard(struct fixture *f, oid session, struct phone *p)
{
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;

	talk(p);
	while (!counters(f, session).rx_packets) {
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(-1, 1);
	}
}

/* Two calls after one another on the same ports; the phone of the first goes on sending. */
static void who_was_heard_in_the_call_before_is_not_heard_in_this(void **state)
{
	struct fixture *f = engine_with_spares(1, 31001);
	struct phone old = phone_at("127.20.0.20", 4000, session_open(f, 1, 1, "127.20.0.10"));
	struct phone other = phone_at("127.20.0.22", 4004, old.to);

	session_remote_is(f, 1, both_ways(old.at));
	is_heard(f, 1, &old);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).err, 0);
	talk(&old); /* to sockets that are nobody's */

	/* The description names a third: whoever speaks first would be believed, were it not for the call before. */
	session_open(f, 2, 2, "127.20.0.10");
	session_remote_is(f, 2, both_ways(addr_at("127.20.0.30", 4008)));
	is_refused(f, 2, &old);
	is_heard(f, 2, &other);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 2).err, 0);

	/* Who was barred is heard again when a description means it. */
	session_open(f, 3, 3, "127.20.0.10");
	session_remote_is(f, 3, both_ways(other.at));
	is_heard(f, 3, &other);
	phone_close(&old);
	phone_close(&other);
	engine_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_is_drawn_when_it_has_cooled),
		cmocka_unit_test(only_the_same_thread_and_address_draws_it),
		cmocka_unit_test(no_more_are_kept_than_allowed),
		cmocka_unit_test(pair_that_nobody_needs_is_given_back),
		cmocka_unit_test(next_session_has_the_sockets_of_the_last),
		cmocka_unit_test(sockets_beyond_the_spare_ones_are_closed),
		cmocka_unit_test(session_that_fails_leaves_the_spare_ones),
		cmocka_unit_test(who_was_heard_in_the_call_before_is_not_heard_in_this),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
