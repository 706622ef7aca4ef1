/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions, ports and threads: what comes must go, and every command is answered exactly once. */
#include "media/media_fixture.h"
#include "base/mem.h"
#include "base/rng.h"
#include "media/parts.h"
#include "media/session.h"

static struct fixture *engine(unsigned nthreads, uint16_t min, uint16_t max)
{
	struct fixture *f = calloc(1, sizeof(*f));

	engine_start(f, nthreads, min, max);
	return f;
}

static struct fixture *engine_end(struct fixture *f)
{
	f->m = media_close(f->m);
	free(f);
	return NULL;
}

static void post(struct fixture *f, enum media_cmd_type type, oid session, oid peer)
{
	struct media_cmd cmd = {.type = type, .session = session, .u.join.peer = peer};

	send_cmd(f, &cmd);
}

static void poll_until(struct fixture *f, size_t nevents)
{
	uint64_t end = clock_mono_ms(clock_real()) + 20 * WAIT_MS;

	while (f->nevents < nevents) {
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(media_fd(f->m), 100);
		media_poll(f->m);
	}
}

/* So many answers; what plays also says when it is over. */
static void poll_answers(struct fixture *f, size_t nanswers)
{
	size_t nseen = 0, nplayed = 0;

	do {
		for (; nseen < f->nevents; nseen++)
			nplayed += f->events[nseen].type == MEDIA_PLAYED;
		poll_until(f, nanswers + nplayed);
	} while (nseen < f->nevents);
}

static void unknown_session_is_answered(void **state)
{
	static const enum media_cmd_type types[] = {MEDIA_REMOTE, MEDIA_JOIN, MEDIA_PART,
						    MEDIA_ECHO, MEDIA_STATS};
	struct fixture *f = *state;
	struct media_event ev;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		ev = session_ask(f, types[i], 99);
		assert_int_equal(ev.type, MEDIA_DONE);
		assert_int_equal(ev.err, ENOENT);
		assert_int_equal(ev.session, 99);
	}
	ev = session_ask(f, MEDIA_CLOSE, 99);
	assert_int_equal(ev.type, MEDIA_CLOSED);
	assert_int_equal(ev.err, ENOENT);
	ev = session_ask(f, MEDIA_GROW, 99);
	assert_int_equal(ev.type, MEDIA_FAILED);
	assert_int_equal(ev.err, ENOENT);
}

static int open_error(struct fixture *f, struct media_cmd cmd)
{
	struct media_event ev = ask(f, cmd);

	assert_int_equal(ev.type, ev.err ? MEDIA_FAILED : MEDIA_OPENED);
	return ev.err;
}

static void impossible_sessions_fail_and_keep_no_port(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", 0)), EINVAL);
	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", MEDIA_MAX_STREAMS + 1)),
			 EINVAL);
	assert_int_equal(open_error(f, cmd_open(0, 7, "127.20.0.10", 1)), EINVAL);
	assert_int_equal(open_error(f, cmd_open(1, 7, "192.0.2.1", 1)), EADDRNOTAVAIL);
	assert_int_equal(media_ports_in_use(f->m), 0);
	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", 1)), 0);
	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", 1)), EEXIST);
	assert_int_equal(media_ports_in_use(f->m), 1);
	assert_int_equal(session_ask(f, MEDIA_STATS, 1).type, MEDIA_STATS_ARE);
}

static void commands_behind_an_open_are_carried_out(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = cmd_open(1, 7, "127.20.0.10", 1);

	send_cmd(f, &cmd);
	post(f, MEDIA_STATS, 1, 0);
	post(f, MEDIA_CLOSE, 1, 0);
	post(f, MEDIA_STATS, 1, 0);
	assert_int_equal(answer_to(f, 1, 0).type, MEDIA_OPENED);
	assert_int_equal(answer_to(f, 2, 0).type, MEDIA_STATS_ARE);
	assert_int_equal(answer_to(f, 3, 0).type, MEDIA_CLOSED);
	assert_int_equal(answer_to(f, 4, 0).err, ENOENT);
}

static void range_runs_out_and_recovers(void **state)
{
	struct fixture *f = engine(2, 31000, 31007);

	for (oid id = 1; id <= 4; id++)
		assert_int_equal(open_error(f, cmd_open(id, id, "127.20.0.10", 1)), 0);
	assert_int_equal(open_error(f, cmd_open(5, 5, "127.20.0.10", 1)), ENOSPC);
	assert_int_equal(media_ports_in_use(f->m), 4);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 2).err, 0);
	assert_int_equal(media_ports_in_use(f->m), 3);
	assert_int_equal(open_error(f, cmd_open(5, 5, "127.20.0.10", 2)), ENOSPC);
	assert_int_equal(media_ports_in_use(f->m), 3);
	assert_int_equal(open_error(f, cmd_open(5, 5, "127.20.0.10", 1)), 0);
	engine_end(f);
}

static void port_of_another_program_is_passed_over(void **state)
{
	struct fixture *f = engine(2, 31000, 31007);
	struct addr at[3] = {addr_at("127.20.0.10", 31000), addr_at("127.20.0.10", 31003),
			     addr_at("127.20.0.10", 31006)};
	int taken[3];

	for (int i = 0; i < 3; i++)
		taken[i] = sock(&at[i]);
	for (oid id = 1; id <= 20; id++) {
		assert_int_equal(session_open(f, id, 1, "127.20.0.10").port, 31004);
		assert_int_equal(media_ports_in_use(f->m), 1);
		session_ask(f, MEDIA_CLOSE, id);
		assert_int_equal(media_ports_in_use(f->m), 0);
	}
	for (int i = 0; i < 3; i++)
		close(taken[i]);
	engine_end(f);
}

static void range_that_others_use_altogether_fails(void **state)
{
	struct fixture *f = engine(2, 31000, 31003);
	struct addr at[2] = {addr_at("127.20.0.10", 31001), addr_at("127.20.0.10", 31002)};
	int taken[2] = {sock(&at[0]), sock(&at[1])};

	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", 1)), EADDRINUSE);
	assert_int_equal(media_ports_in_use(f->m), 0);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).err, ENOENT);
	close(taken[0]);
	close(taken[1]);
	assert_int_equal(open_error(f, cmd_open(1, 7, "127.20.0.10", 2)), 0);
	engine_end(f);
}

static void session_grows_and_its_new_stream_is_joined(void **state)
{
	struct fixture *f = *state;
	struct media_cmd remote = {.type = MEDIA_REMOTE, .u.remote.stream = 1};
	struct media_event ev[2];
	struct phone video[2];
	struct addr first;

	first = session_open(f, 1, 7, "127.20.0.10");
	session_open(f, 2, 7, "127.20.0.10");
	assert_int_equal(session_join_with(f, 1, 2), 0);
	for (oid id = 1; id <= 2; id++) {
		struct media_cmd grow = cmd_open(id, 7, "127.20.0.10", 2);

		grow.type = MEDIA_GROW;
		ev[id - 1] = ask(f, grow);
		assert_int_equal(ev[id - 1].type, MEDIA_OPENED);
		video[id - 1] = phone_at(id == 1 ? "127.20.0.1" : "127.20.0.2", 8000,
					 ev[id - 1].u.local[1]);
		remote.session = id;
		remote.u.remote.remote = both_ways(video[id - 1].at);
		assert_int_equal(ask(f, remote).err, 0);
	}
	assert_true(addr_eq(&ev[0].u.local[0], &first));
	talk(&video[0]);
	assert_true(hears(video[1].rtp));
	talk(&video[1]);
	assert_true(hears(video[0].rtp));
	assert_int_equal(media_ports_in_use(f->m), 4);
	session_ask(f, MEDIA_CLOSE, 1);
	session_ask(f, MEDIA_CLOSE, 2);
	assert_int_equal(media_ports_in_use(f->m), 0);
	phone_close(&video[0]);
	phone_close(&video[1]);
}

static void session_that_cannot_grow_is_as_it_was(void **state)
{
	struct fixture *f = engine(1, 31000, 31003);
	struct media_cmd grow = cmd_open(1, 7, "127.20.0.10", 3);
	struct phone a = phone_at("127.20.0.1", 6000, session_open(f, 1, 7, "127.20.0.10"));

	session_remote_is(f, 1, both_ways(a.at));
	session_ask(f, MEDIA_ECHO, 1);
	grow.type = MEDIA_GROW;
	assert_int_equal(open_error(f, grow), ENOSPC);
	assert_int_equal(media_ports_in_use(f->m), 1);
	talk(&a);
	assert_true(hears(a.rtp));
	phone_close(&a);
	engine_end(f);
}

/* Sessions of different calls are spread over the threads; two of three here must be moved to be joined. */
static void sessions_of_different_threads_are_joined(void **state)
{
	struct fixture *f = engine(3, PORT_MIN, PORT_MAX);
	struct phone p[3];
	uint64_t nsent[3] = {1, 1, 1};

	for (oid id = 1; id <= 3; id++) {
		p[id - 1] = phone_at("127.20.0.1", (uint16_t)(6000 + 2 * id),
				     session_open(f, id, id, "127.20.0.10"));
		session_remote_is(f, id, both_ways(p[id - 1].at));
		talk(&p[id - 1]);
		counters_at(f, id, 1, 0);
	}
	for (int i = 0; i < 30; i++) {
		size_t a = (size_t)i % 3, b = (a + 1) % 3, c = (a + 2) % 3;

		assert_int_equal(session_join_with(f, a + 1, b + 1), 0);
		talk(&p[a]);
		assert_true(hears(p[b].rtp));
		talk(&p[b]);
		assert_true(hears(p[a].rtp));
		talk(&p[c]);
		for (size_t k = 0; k < 3; k++)
			counters_at(f, k + 1, ++nsent[k], 0);
		assert_true(has_nothing(p[a].rtp) && has_nothing(p[b].rtp) &&
			    has_nothing(p[c].rtp));
	}
	for (size_t i = 0; i < 3; i++) {
		session_ask(f, MEDIA_CLOSE, i + 1);
		phone_close(&p[i]);
	}
	assert_int_equal(media_ports_in_use(f->m), 0);
	engine_end(f);
}

static void join_with_one_that_closes_meanwhile_is_answered(void **state)
{
	for (int turn = 0; turn < 200; turn++) {
		struct fixture *f = *state;
		oid a = (oid)(2 * turn + 1), b = a + 1;
		size_t before;

		session_open(f, a, a, "127.20.0.10");
		session_open(f, b, b, "127.20.0.10");
		before = f->nevents;
		post(f, MEDIA_CLOSE, turn & 1 ? a : b, 0);
		post(f, MEDIA_JOIN, a, b);
		post(f, MEDIA_STATS, b, 0);
		post(f, MEDIA_CLOSE, a, 0);
		post(f, MEDIA_CLOSE, b, 0);
		poll_until(f, before + 5);
		assert_int_equal(media_ports_in_use(f->m), 0);
	}
}

struct tally {
	unsigned answered;
	enum media_cmd_type type;
};

static bool fits(enum media_cmd_type cmd, enum media_event_type ev)
{
	switch (cmd) {
	case MEDIA_OPEN:
	case MEDIA_GROW:
		return ev == MEDIA_OPENED || ev == MEDIA_FAILED;
	case MEDIA_CLOSE:
		return ev == MEDIA_CLOSED;
	case MEDIA_STATS:
		return ev == MEDIA_STATS_ARE || ev == MEDIA_DONE;
	default:
		return ev == MEDIA_DONE;
	}
}

/* Commands at random on sessions that come and go, never waiting for answers. */
static void every_command_is_answered_exactly_once(void **state)
{
	enum { COMMANDS = 20000, SESSIONS = 24 };
	size_t descriptors = open_descriptors();
	struct fixture *f = engine(4, 31000, 31079);
	struct tally *tally = calloc(COMMANDS + SESSIONS + 1, sizeof(*tally));
	struct rng_seeded rng;

	rng_seeded_init(&rng, 20261120);
	for (int i = 0; i < COMMANDS; i++) {
		struct media_cmd cmd =
			cmd_open(1 + rng_below(&rng.rng, SESSIONS), 1 + rng_below(&rng.rng, 8),
				 "127.20.0.10", (uint8_t)(1 + rng_below(&rng.rng, 2)));

		cmd.type = (enum media_cmd_type)rng_below(&rng.rng, MEDIA_CLOSE + 1);
		if (cmd.type == MEDIA_JOIN)
			cmd.u.join.peer = 1 + rng_below(&rng.rng, SESSIONS);
		if (cmd.type == MEDIA_REMOTE)
			cmd.u.remote.remote =
				both_ways(addr_at("127.20.0.1", (uint16_t)(1024 + i)));
		if (cmd.type == MEDIA_REMOTE) /* PCMU, so that it may be played to, and mixed */
			cmd.u.remote.remote.format =
				(struct media_format){1, 0, 0, MEDIA_NO_PT, MEDIA_NO_PT, 20, 0, 0};
		if (cmd.type >= MEDIA_PLAY && cmd.type <= MEDIA_MIX)
			memset(&cmd.u, 0, sizeof(cmd.u));
		if (cmd.type == MEDIA_MIX)
			cmd.u.mix = (struct media_mix){rng_below(&rng.rng, 4), 1, 1};
		if (cmd.type == MEDIA_REMOTE)
			cmd.u.remote.stream = (uint8_t)rng_below(&rng.rng, 3);
		cmd.seq = f->seq + 1;
		while (media_engine(f->m)->post(media_engine(f->m), &cmd) == ENOBUFS) {
			wait_readable(media_fd(f->m), 100);
			media_poll(f->m);
		}
		tally[++f->seq].type = cmd.type;
		if (rng_below(&rng.rng, 8) == 0)
			media_poll(f->m);
	}
	poll_answers(f, COMMANDS);
	for (oid id = 1; id <= SESSIONS; id++) {
		tally[f->seq + 1].type = MEDIA_CLOSE;
		post(f, MEDIA_CLOSE, id, 0);
	}
	poll_answers(f, COMMANDS + SESSIONS);
	for (size_t i = 0; i < f->nevents; i++) {
		if (f->events[i].type == MEDIA_PLAYED)
			continue; /* besides the answer */
		assert_in_range(f->events[i].seq, 1, f->seq);
		assert_true(fits(tally[f->events[i].seq].type, f->events[i].type));
		tally[f->events[i].seq].answered++;
	}
	for (uint32_t seq = 1; seq <= f->seq; seq++)
		assert_int_equal(tally[seq].answered, 1);
	assert_int_equal(media_ports_in_use(f->m), 0);
	free(tally);
	engine_end(f);
	assert_int_equal(open_descriptors(), descriptors);
}

static void too_many_unanswered_commands_are_refused(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = {.type = MEDIA_STATS, .session = 1};
	uint32_t n = 0;

	session_open(f, 1, 7, "127.20.0.10");
	f->nevents = 0;
	for (;; n++) {
		cmd.seq = n + 1;
		if (media_engine(f->m)->post(media_engine(f->m), &cmd))
			break;
	}
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), ENOBUFS);
	assert_true(n >= 1024);
	poll_until(f, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(f->events[i].seq, i + 1);
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), 0);
	poll_until(f, n + 1);
}

/* All calls end at once: a session whose CLOSE was refused would stay for ever. */
static void close_is_never_refused(void **state)
{
	enum { SESSIONS = 100 };
	struct fixture *f = *state;
	struct media_cmd cmd = {.type = MEDIA_STATS, .session = 1};
	uint32_t n = 0, nclosed = 0;

	for (oid id = 1; id <= SESSIONS; id++)
		session_open(f, id, id, "127.20.0.10");
	f->nevents = 0;
	for (cmd.seq = 1; !media_engine(f->m)->post(media_engine(f->m), &cmd); cmd.seq++)
		n++;
	cmd.type = MEDIA_CLOSE;
	for (cmd.session = 1; cmd.session <= SESSIONS; cmd.session++, cmd.seq++)
		assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), 0);
	cmd.session = 1;
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), ENOBUFS);
	poll_until(f, n + SESSIONS);
	for (size_t i = 0; i < n + SESSIONS; i++) {
		if (f->events[i].seq <= n)
			continue;
		assert_int_equal(f->events[i].type, MEDIA_CLOSED);
		assert_int_equal(f->events[i].err, 0);
		nclosed++;
	}
	assert_int_equal(nclosed, SESSIONS);
	assert_int_equal(media_ports_in_use(f->m), 0);
}

static void engine_is_looked_into_each_turn(struct fixture *f)
{
	struct media_conf conf = {.nthreads = 1,
				  .port_min = PORT_MIN,
				  .port_max = PORT_MAX,
				  .is_polled = true,
				  .fn = on_event,
				  .arg = f};

	f->m = media_close(f->m);
	assert_int_equal(media_open(&f->m, &conf), 0);
}

static bool is_woken(struct fixture *f)
{
	struct pollfd p = {.fd = media_fd(f->m), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static void who_looks_each_turn_is_not_woken_and_misses_nothing(void **state)
{
	struct fixture *f = *state;
	struct media_cmd open = cmd_open(1, 1, "127.20.0.10", 1),
			 close = {.type = MEDIA_CLOSE, .session = 1};
	uint64_t end;
	uint32_t wait_ms;

	engine_is_looked_into_each_turn(f);
	send_cmd(f, &open);
	assert_false(is_woken(f));
	wait_ms = media_turn(f->m);
	assert_in_range(wait_ms, 1, 20); /* the worker sleeps on: somebody must come again */
	assert_int_equal(f->nevents, 1);
	assert_int_equal(f->events[0].type, MEDIA_OPENED);
	send_cmd(f, &close);
	end = clock_mono_ms(clock_real()) + WAIT_MS;
	while (f->nevents < 2 && clock_mono_ms(clock_real()) < end) {
		wait_ms = media_turn(f->m);
		poll(NULL, 0, wait_ms ? (int)wait_ms : 1);
		assert_false(is_woken(f));
	}
	assert_int_equal(f->nevents, 2);
	assert_int_equal(f->events[1].type, MEDIA_CLOSED);
	assert_int_equal(media_turn(f->m), 0);
	assert_int_equal(media_ports_in_use(f->m), 0);
}

static void what_fails_wakes_even_who_looks_each_turn(void **state)
{
	struct fixture *f = *state;
	struct media_cmd open = cmd_open(1, 1, "127.20.0.10", 1);
	struct media_cmd remote = {.type = MEDIA_REMOTE, .session = 1, .u.remote.stream = 3};
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;

	engine_is_looked_into_each_turn(f);
	send_cmd(f, &open);
	send_cmd(f, &remote);
	poll(NULL, 0, 25);
	media_turn(f->m); /* wakes the worker */
	while (!is_woken(f))
		assert_true(clock_mono_ms(clock_real()) < end);
	media_poll(f->m);
	assert_int_equal(answer_to(f, remote.seq, 0).err, EINVAL);
}

static void what_has_failed_to_open_needs_no_close(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = {.type = MEDIA_STATS, .session = 1};
	struct media_cmd impossible = cmd_open(2, 2, "192.0.2.1", 1);
	uint32_t n;

	session_open(f, 1, 1, "127.20.0.10");
	f->nevents = 0;
	impossible.seq = 1;
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &impossible), 0);
	for (cmd.seq = 2; !media_engine(f->m)->post(media_engine(f->m), &cmd); cmd.seq++)
		;
	n = cmd.seq;
	cmd.type = MEDIA_CLOSE;
	cmd.session = 2;
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), ENOBUFS);
	poll_until(f, n - 1);
	assert_int_equal(answer_to(f, 1, 0).type, MEDIA_FAILED);
	assert_int_equal(f->nevents, n - 1);
	/* The same when there is room for it: there is nothing to close. */
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), &cmd), 0);
	poll_until(f, n);
	assert_int_equal(answer_to(f, n, 0).err, ENOENT);
}

static void media_opens_or_fails_whatever_allocation_fails(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f)); /* too large for the stack */
	size_t descriptors = open_descriptors();
	uint64_t bytes = mem_bytes();
	struct media_conf conf = {.nthreads = 2,
				  .port_min = PORT_MIN,
				  .port_max = PORT_MAX,
				  .fn = on_event,
				  .arg = f};
	unsigned nth = 0;
	int err;

	do {
		mem_fail(++nth, false);
		err = media_open(&f->m, &conf);
		assert_int_equal(err, mem_failed() ? ENOMEM : 0);
		mem_fail(0, false);
		f->m = media_close(f->m);
		assert_int_equal(open_descriptors(), descriptors);
		assert_int_equal(mem_bytes(), bytes);
	} while (err && nth < 1000);
	assert_int_equal(err, 0);
	assert_true(nth > 5);
	free(f);
}

static void commands_are_answered_whatever_allocation_fails(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = 0;
	oid id = 1;

	for (uint64_t nth = 0; nth < 12; nth++, id += 2) {
		struct media_cmd a = cmd_open(id, id, "127.20.0.10", 1),
				 b = cmd_open(id + 1, id + 1, "127.20.0.10", 1);

		f->nevents = 0;
		mem_fail(nth, false);
		send_cmd(f, &a);
		send_cmd(f, &b);
		post(f, MEDIA_JOIN, id, id + 1);
		a.type = MEDIA_GROW;
		a.u.open.nstreams = 2;
		send_cmd(f, &a);
		post(f, MEDIA_CLOSE, id, 0);
		mem_fail(0, false);
		poll_until(f, 5);
		/* Whatever else failed, what was open is closed. */
		assert_int_not_equal(answer_to(f, f->seq, 0).err, ENOMEM);
		assert_int_equal(session_ask(f, MEDIA_CLOSE, id).err, ENOENT);
		session_ask(f, MEDIA_CLOSE, id + 1);
		assert_int_equal(media_ports_in_use(f->m), 0);
		if (!nth)
			bytes = mem_bytes();
		assert_int_equal(mem_bytes(), bytes);
	}
}

static void ten_thousand_sessions_leave_nothing_behind(void **state)
{
	enum { CYCLES = 10000, AT_ONCE = 50 };
	struct fixture *f = *state;
	size_t descriptors = 0;
	uint64_t bytes = 0;

	for (oid id = 1; id <= CYCLES; id += AT_ONCE) {
		f->nevents = 0;
		for (oid i = id; i < id + AT_ONCE; i++) {
			struct media_cmd cmd = cmd_open(i, i / 2, "127.20.0.10", 1);

			send_cmd(f, &cmd);
			if (i & 1)
				post(f, MEDIA_JOIN, i, i - 1);
			if (i % 5 == 0)
				post(f, MEDIA_ECHO, i, 0);
		}
		for (oid i = id; i < id + AT_ONCE; i++)
			post(f, MEDIA_CLOSE, i, 0);
		poll_until(f, 2 * AT_ONCE + AT_ONCE / 2 + AT_ONCE / 5);
		assert_int_equal(media_ports_in_use(f->m), 0);
		if (id == 1) {
			descriptors = open_descriptors();
			bytes = mem_bytes();
		}
	}
	assert_int_equal(open_descriptors(), descriptors);
	assert_int_equal(mem_bytes(), bytes);
}

/* Plain audio of two legs: the most numerous kind of call. */
static void state_of_a_relayed_call_is_at_most_12_kb(void **state)
{
	size_t leg = sizeof(struct worker_session) + sizeof(struct stream) + sizeof(struct part);

	assert_true(2 * leg + sizeof(struct media_cmd) <= 12 * 1024);
}

static void engine_ends_in_the_middle_of_everything(void **state)
{
	for (int turn = 0; turn < 50; turn++) {
		size_t descriptors = open_descriptors();
		uint64_t bytes = mem_bytes();
		struct fixture *f = engine(3, PORT_MIN, PORT_MAX);

		for (oid id = 1; id <= 20; id++) {
			struct media_cmd cmd = cmd_open(id, id, "127.20.0.10", 2);

			send_cmd(f, &cmd);
		}
		if (turn & 1)
			poll_until(f, 20);
		for (oid id = 1; id < 20; id++)
			post(f, MEDIA_JOIN, id, id + 1);
		if (turn & 2)
			media_poll(f->m);
		engine_end(f);
		assert_int_equal(open_descriptors(), descriptors);
		assert_int_equal(mem_bytes(), bytes);
	}
}

static void wrong_configuration_is_refused(void **state)
{
	struct media_conf conf = {.nthreads = 1, .port_min = 30000, .port_max = 30001};
	struct media *m = NULL;

	assert_int_equal(media_open(&m, &conf), EINVAL);
	conf.fn = on_event;
	conf.port_max = 30000;
	assert_int_equal(media_open(&m, &conf), EINVAL);
	assert_null(m);
	assert_null(media_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unknown_session_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_sessions_fail_and_keep_no_port, setup,
						teardown),
		cmocka_unit_test_setup_teardown(commands_behind_an_open_are_carried_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(range_runs_out_and_recovers, setup, teardown),
		cmocka_unit_test_setup_teardown(port_of_another_program_is_passed_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(range_that_others_use_altogether_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(session_grows_and_its_new_stream_is_joined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(session_that_cannot_grow_is_as_it_was, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sessions_of_different_threads_are_joined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(join_with_one_that_closes_meanwhile_is_answered,
						setup, teardown),
		cmocka_unit_test_setup_teardown(every_command_is_answered_exactly_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(too_many_unanswered_commands_are_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(close_is_never_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(who_looks_each_turn_is_not_woken_and_misses_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_fails_wakes_even_who_looks_each_turn, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_has_failed_to_open_needs_no_close, setup,
						teardown),
		cmocka_unit_test_setup_teardown(media_opens_or_fails_whatever_allocation_fails,
						setup, teardown),
		cmocka_unit_test_setup_teardown(commands_are_answered_whatever_allocation_fails,
						setup, teardown),
		cmocka_unit_test_setup_teardown(ten_thousand_sessions_leave_nothing_behind, setup,
						teardown),
		cmocka_unit_test(state_of_a_relayed_call_is_at_most_12_kb),
		cmocka_unit_test_setup_teardown(engine_ends_in_the_middle_of_everything, setup,
						teardown),
		cmocka_unit_test_setup_teardown(wrong_configuration_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
