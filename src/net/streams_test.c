/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stream connections over real sockets on loopback.  Also meant for ThreadSanitizer. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/net.h"
#include "net/sock.h"

#define REQ   "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"
#define HELLO REQ "Content-Length: 5\r\n\r\nhello"
#define EMPTY REQ "l: 0\r\n\r\n"
#define REPLY "SIP/2.0 200 OK\r\nl: 0\r\n\r\n"

struct world {
	struct flow_sink sink; /* first */
	struct loop *loop;
	struct net *net;
	struct flow_edge *edge;
	unsigned nreceived, nfailed, nclosed;
	struct flow last, failed;
	int err;
	oid closed;
	struct buf bytes; /* all that was received */
	const char *answer;
};

static void received(struct flow_sink *s, const struct flow *from, const uint8_t *p, size_t n)
{
	struct world *w = (struct world *)s;

	w->nreceived++;
	w->last = *from;
	buf_add(&w->bytes, p, n);
	if (w->answer) {
		struct flow back = *from;

		assert_int_equal(w->edge->send(w->edge, &back, w->answer, strlen(w->answer)), 0);
		assert_int_equal(back.conn, from->conn);
	}
}

static void waited(struct flow_sink *s, uint64_t us)
{
}

static void failed(struct flow_sink *s, const struct flow *to, int err)
{
	struct world *w = (struct world *)s;

	w->nfailed++;
	w->failed = *to;
	w->err = err;
}

static void closed(struct flow_sink *s, oid conn)
{
	struct world *w = (struct world *)s;

	w->nclosed++;
	w->closed = conn;
}

static unsigned nworlds;

static struct world *begin(struct net_conf conf)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	nworlds++;
	assert_int_equal(loop_alloc(&w->loop, clock_real()), 0);
	w->sink = (struct flow_sink){received, waited, failed, closed};
	conf.loop = w->loop;
	conf.sink = &w->sink;
	assert_int_equal(net_open(&w->net, &conf), 0);
	w->edge = net_edge(w->net);
	return w;
}

static void end(struct world *w)
{
	net_close(w->net);
	if (!--nworlds)
		assert_int_equal(mem_objects(), 0);
	loop_free(w->loop);
	buf_free(&w->bytes);
	free(w);
}

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

static struct addr listen_at(struct world *w, const char *ip)
{
	struct addr want = at(ip, 0), bound;

	assert_int_equal(net_listen(w->net, FLOW_TCP, &want, &bound), 0);
	return bound;
}

static void run_until(struct world *w, const unsigned *count, unsigned n)
{
	uint64_t until_ms = clock_mono_ms(clock_real()) + 20000;

	while (*count < n && clock_mono_ms(clock_real()) < until_ms)
		loop_turn(w->loop, 20);
	assert_int_equal(*count, n);
}

/* A phone's side: connected when this returns. */
static int call_from(const char *ip, const struct addr *server)
{
	struct addr from = at(ip, 0);
	struct pollfd p = {.events = POLLOUT};

	assert_int_equal(sock_connect(&p.fd, &from, server), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	return p.fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What came until `n` bytes are there or the server closed (then *closed_p). */
static size_t hear(struct world *w, int fd, char *dst, size_t n, bool *closed_p)
{
	size_t got = 0;

	*closed_p = false;
	for (int i = 0; i < 500 && got < n; i++) {
		ssize_t part = recv(fd, dst + got, n - got, MSG_DONTWAIT);

		if (part > 0)
			got += (size_t)part;
		if (part == 0 || (part < 0 && errno != EAGAIN)) {
			*closed_p = true;
			break;
		}
		if (part < 0)
			loop_turn(w->loop, 20);
	}
	return got;
}

static bool is_closed(struct world *w, int fd)
{
	bool over;
	char c;

	assert_int_equal(hear(w, fd, &c, 1, &over), 0);
	return over;
}

static void message_arrives_in_any_segments_and_is_answered(const char *server_ip,
							    const char *phone_ip)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, server_ip);
	int fd = call_from(phone_ip, &server);
	char back[sizeof(REPLY)];
	bool over;

	w->answer = REPLY;
	for (size_t i = 0; i < strlen(HELLO); i++) {
		assert_int_equal(send(fd, &HELLO[i], 1, MSG_NOSIGNAL), 1);
		if (i % 16 == 0)
			loop_turn(w->loop, 1);
	}
	run_until(w, &w->nreceived, 1);
	assert_string_equal(w->bytes.p, HELLO);
	assert_true(addr_eq(&w->last.local, &server));
	assert_int_equal(w->last.listener, 1);
	assert_int_equal(w->last.transport, FLOW_TCP);
	assert_true(w->last.conn != 0);
	assert_int_equal(hear(w, fd, back, strlen(REPLY), &over), strlen(REPLY));
	assert_memory_equal(back, REPLY, strlen(REPLY));

	buf_reset(&w->bytes);
	say(fd, HELLO EMPTY HELLO "OPTIONS"); /* three and a beginning in one segment */
	run_until(w, &w->nreceived, 4);
	assert_string_equal(w->bytes.p, HELLO EMPTY HELLO);
	close(fd);
	run_until(w, &w->nclosed, 1);
	assert_true(w->closed == w->last.conn);
	end(w);
}

static void messages_are_framed_on_each_family(void **state)
{
	message_arrives_in_any_segments_and_is_answered("127.10.1.1", "127.10.9.9");
	message_arrives_in_any_segments_and_is_answered("::1", "::1");
}

static void ping_is_answered_by_pong_and_nothing_else(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	char back[8];
	bool over;

	say(fd, EMPTY "\r\n\r\n");
	assert_int_equal(hear(w, fd, back, 2, &over), 2);
	assert_memory_equal(back, "\r\n", 2);
	say(fd, "\r\n");
	say(fd, EMPTY);
	run_until(w, &w->nreceived, 2);
	assert_int_equal(recv(fd, back, sizeof(back), MSG_DONTWAIT), -1); /* a lone CRLF: no pong */
	close(fd);
	end(w);
}

static void flood_of_pings_is_answered_as_long_as_it_is_read(void **state)
{
	enum { PINGS = 20000 };
	static char pings[4 * PINGS], pongs[2 * PINGS];
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	size_t got = 0;
	bool over;

	for (size_t i = 0; i < PINGS; i++)
		memcpy(pings + 4 * i, "\r\n\r\n", 4);
	for (size_t off = 0; off < sizeof(pings);) {
		ssize_t n = send(fd, pings + off, sizeof(pings) - off, MSG_NOSIGNAL);

		off += n > 0 ? (size_t)n : 0;
		got += hear(w, fd, pongs + got, 1, &over);
	}
	got += hear(w, fd, pongs + got, sizeof(pongs) - got, &over);
	assert_int_equal(got, sizeof(pongs));
	assert_false(over);
	close(fd);
	end(w);
}

static void server_without_descriptors_serves_those_it_has(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server), late, spare;
	struct rlimit before, none;

	say(fd, EMPTY);
	run_until(w, &w->nreceived, 1);
	/* One descriptor is left: the caller takes it, and the server has none to accept with. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	spare = dup(fd);
	assert_true(spare >= 0);
	none = (struct rlimit){(rlim_t)spare + 1, before.rlim_max};
	close(spare);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	late = call_from("127.10.9.9", &server);
	assert_int_equal(late, spare);
	say(late, EMPTY);
	for (int i = 0; i < 3; i++) {
		say(fd, EMPTY);
		run_until(w, &w->nreceived, 2 + (unsigned)i);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	run_until(w, &w->nreceived, 5); /* the late one too, once it can be taken */
	assert_true(addr_eq(&w->last.local, &server));
	close(late);
	close(fd);
	end(w);
}

static void one_connection_serves_all_that_leads_there(void **state)
{
	struct world *phone = begin((struct net_conf){0}), *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1"), home = listen_at(phone, "127.10.1.2");
	struct flow first = {.transport = FLOW_TCP, .local = home, .remote = server},
		    second = first, back;

	/* Both worlds share this thread: the phone's messages queue, the server's loop takes them. */
	assert_int_equal(phone->edge->send(phone->edge, &first, HELLO, strlen(HELLO)), 0);
	assert_int_equal(phone->edge->send(phone->edge, &second, EMPTY, strlen(EMPTY)), 0);
	assert_true(first.conn && first.conn == second.conn);
	run_until(w, &w->nreceived, 2);
	assert_string_equal(w->bytes.p, HELLO EMPTY);
	assert_true(addr_ip_eq(&w->last.remote, &home));

	/* A new request of the server's to where the connection came from goes the same way. */
	back = (struct flow){.transport = FLOW_TCP, .remote = w->last.remote};
	assert_int_equal(w->edge->send(w->edge, &back, EMPTY, strlen(EMPTY)), 0);
	assert_int_equal(back.conn, w->last.conn);
	run_until(phone, &phone->nreceived, 1);
	assert_int_equal(phone->last.conn, first.conn);
	assert_true(addr_eq(&phone->last.local,
			    &home)); /* the listener's port, not the one it went out from */

	/* After it has closed, the next request opens another. */
	phone->edge->close(phone->edge, first.conn);
	assert_int_equal(phone->edge->send(phone->edge, &first, EMPTY, strlen(EMPTY)), ENOTCONN);
	run_until(w, &w->nclosed, 1);
	run_until(phone, &phone->nclosed, 1);
	second.conn = 0;
	assert_int_equal(phone->edge->send(phone->edge, &second, EMPTY, strlen(EMPTY)), 0);
	assert_true(second.conn != first.conn);
	run_until(w, &w->nreceived, 3);
	end(phone);
	end(w);
}

static void refused_connection_fails_and_closes(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr gone = at("127.10.1.3", 0);
	struct flow to = {.transport = FLOW_TCP};
	int fd;

	listen_at(w, "127.10.1.1");
	assert_int_equal(sock_listen(&fd, &gone, &to.remote), 0);
	close(fd);
	assert_int_equal(w->edge->send(w->edge, &to, HELLO, strlen(HELLO)), 0);
	run_until(w, &w->nclosed, 1);
	assert_int_equal(w->nfailed, 1);
	assert_int_equal(w->err, ECONNREFUSED);
	assert_true(addr_eq(&w->failed.remote, &to.remote));
	assert_true(w->failed.conn == to.conn && w->closed == to.conn);
	assert_int_equal(w->edge->send(w->edge, &to, HELLO, strlen(HELLO)), ENOTCONN);
	to = (struct flow){.transport = FLOW_WSS, .remote = to.remote};
	assert_int_equal(w->edge->send(w->edge, &to, HELLO, strlen(HELLO)), EPROTONOSUPPORT);
	end(w);
}

static void browser_is_cut_off_before_its_body_is_read(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);

	say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" HELLO);
	assert_true(is_closed(w, fd));
	close(fd);
	run_until(w, &w->nclosed, 1);
	assert_int_equal(w->nreceived, 0);
	end(w);
}

static void doubtful_length_is_answered_and_then_the_connection_ends(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	const char *refusal = "SIP/2.0 400 Bad\r\nl: 0\r\n\r\n";
	char back[100];
	bool over;

	w->answer = refusal;
	say(fd, REQ "l: 0\r\nl: 65\r\n\r\n" EMPTY EMPTY);
	assert_int_equal(hear(w, fd, back, sizeof(back), &over), strlen(refusal));
	assert_true(over);
	assert_memory_equal(back, refusal, strlen(refusal));
	close(fd);
	run_until(w, &w->nclosed, 1);
	assert_int_equal(w->nreceived, 1);
	assert_string_equal(w->bytes.p, REQ "l: 0\r\nl: 65\r\n\r\n");
	end(w);
}

/* Everything that is heard until the connection ends. */
static size_t hear_all(struct world *w, int fd, char *back, size_t size)
{
	bool over = false;
	size_t n = 0;

	while (!over && n < size)
		n += hear(w, fd, back + n, size - n, &over);
	assert_true(over);
	return n;
}

static void what_was_whole_is_answered_before_noise_ends_the_connection(void **state)
{
	static const char *const noise[] = {"\x01\x02 noise", "GET / HTTP/1.1\r\n\r\n",
					    REQ "l: 0\r\nl: 9\r\n\r\n", REQ "l: 99999\r\n\r\n"};
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	char text[1000], back[1000];

	w->answer = REPLY;
	for (unsigned i = 0; i < ARRAY_LEN(noise); i++) {
		int fd = call_from("127.10.9.9", &server);
		const unsigned answers = 3 + (i >= 2); /* a header that is whole is refused */

		w->nreceived = 0;
		(void)snprintf(text, sizeof(text), EMPTY EMPTY HELLO "%s", noise[i]);
		say(fd, text);
		assert_int_equal(hear_all(w, fd, back, sizeof(back)), answers * strlen(REPLY));
		assert_int_equal(w->nreceived, answers);
		close(fd);
		run_until(w, &w->nclosed, i + 1);
	}
	assert_int_equal(w->nfailed, 0);
	end(w);
}

static void who_shuts_his_side_still_hears_the_answers(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	char back[1000];

	w->answer = REPLY;
	say(fd, EMPTY EMPTY);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(hear_all(w, fd, back, sizeof(back)), 2 * strlen(REPLY));
	close(fd);
	run_until(w, &w->nclosed, 1);
	assert_int_equal(w->nfailed, 0);
	end(w);
}

static void last_message_leaves_before_the_connection_closes(void **state)
{
	static char large[60000];
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	size_t total = 0;
	bool over = false;

	say(fd, EMPTY);
	run_until(w, &w->nreceived, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(w->edge->send(w->edge, &w->last, large, sizeof(large)), 0);
	w->edge->close(w->edge, w->last.conn);
	w->edge->close(w->edge, w->last.conn); /* twice is once */
	while (!over)
		total += hear(w, fd, large, sizeof(large), &over);
	assert_int_equal(total, 4 * sizeof(large));
	close(fd);
	run_until(w, &w->nclosed, 1);
	assert_int_equal(w->nfailed, 0);
	end(w);
}

static void one_address_cannot_take_all_connections(void **state)
{
	struct world *w = begin((struct net_conf){.max_connections = 5, .max_per_address = 3});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd[6];

	for (size_t i = 0; i < 3; i++) {
		fd[i] = call_from("127.10.9.9", &server);
		say(fd[i], EMPTY);
	}
	run_until(w, &w->nreceived, 3);
	fd[3] = call_from("127.10.9.9", &server);
	assert_true(is_closed(w, fd[3]));
	for (size_t i = 4; i < 6; i++) {
		fd[i] = call_from("127.10.9.10", &server); /* another still gets in */
		say(fd[i], EMPTY);
	}
	run_until(w, &w->nreceived, 5);
	close(fd[3]);
	fd[3] = call_from("127.10.9.11", &server); /* and now it is full for all */
	assert_true(is_closed(w, fd[3]));
	close(fd[3]);
	/* One that ends makes room. */
	close(fd[0]);
	run_until(w, &w->nclosed, 1);
	fd[0] = call_from("127.10.9.9", &server);
	say(fd[0], EMPTY);
	run_until(w, &w->nreceived, 6);
	for (size_t i = 0; i < 6; i++)
		if (i != 3)
			close(fd[i]);
	end(w);
}

static void who_takes_too_long_over_a_message_is_closed(void **state)
{
	struct world *w = begin((struct net_conf){.message_ms = 200});
	struct addr server = listen_at(w, "127.10.1.1");
	int silent = call_from("127.10.9.9", &server), slow = call_from("127.10.9.9", &server),
	    good = call_from("127.10.9.9", &server);
	char text[] = EMPTY;

	say(good, EMPTY);
	say(slow, EMPTY);
	run_until(w, &w->nreceived, 2);
	for (size_t i = 0; i < 40 && w->nclosed < 2; i++) { /* a byte now and then does not help */
		if (send(slow, text + i, 1, MSG_NOSIGNAL) < 0)
			break;
		loop_turn(w->loop, 20);
	}
	run_until(w, &w->nclosed, 2);
	assert_true(is_closed(w, silent));
	assert_true(is_closed(w, slow));
	say(good, EMPTY); /* quiet as long, but between messages */
	run_until(w, &w->nreceived, 3);
	close(silent);
	close(slow);
	close(good);
	end(w);
}

static void idle_connection_closes_unless_something_keeps_it(void **state)
{
	struct world *w = begin((struct net_conf){.idle_seconds = 1});
	struct addr server = listen_at(w, "127.10.1.1");
	int idle = call_from("127.10.9.9", &server), kept = call_from("127.10.9.9", &server);
	oid idle_conn;

	say(idle, EMPTY);
	run_until(w, &w->nreceived, 1);
	idle_conn = w->last.conn;
	say(kept, EMPTY);
	run_until(w, &w->nreceived, 2);
	w->edge->keep(w->edge, w->last.conn, 60);
	run_until(w, &w->nclosed, 1);
	assert_true(w->closed == idle_conn);
	assert_int_equal(w->nfailed, 0);
	say(kept, EMPTY);
	run_until(w, &w->nreceived, 3);
	close(idle);
	close(kept);
	end(w);
}

static void connection_that_a_call_goes_on_over_is_not_idle(void **state)
{
	struct world *w = begin((struct net_conf){.idle_seconds = 1});
	struct addr server = listen_at(w, "127.10.1.1");
	int held = call_from("127.10.9.9", &server);
	oid held_conn;

	say(held, EMPTY);
	run_until(w, &w->nreceived, 1);
	held_conn = w->last.conn;
	w->edge->hold(w->edge, held_conn, true);
	w->edge->hold(w->edge, held_conn, true);
	w->edge->hold(w->edge, held_conn, false);
	for (unsigned i = 0; i < 2; i++) { /* each has its second, and is closed */
		int idle = call_from("127.10.9.9", &server);

		say(idle, EMPTY);
		run_until(w, &w->nclosed, 1 + i);
		assert_true(w->closed != held_conn);
		close(idle);
	}
	w->edge->hold(w->edge, held_conn, false);
	run_until(w, &w->nclosed, 3);
	assert_true(w->closed == held_conn);
	w->edge->hold(w->edge, held_conn, false); /* it is gone: nobody minds */
	close(held);
	end(w);
}

static void peer_that_does_not_read_is_bounded_and_may_recover(void **state)
{
	static char large[60000];
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server), err = 0;
	size_t sent = 0, got = 0;

	say(fd, EMPTY);
	run_until(w, &w->nreceived, 1);
	for (int i = 0; i < 2000 && err != ENOBUFS; i++) {
		err = w->edge->send(w->edge, &w->last, large, sizeof(large));
		sent += err ? 0 : sizeof(large);
		loop_turn(w->loop, 1);
	}
	assert_int_equal(err, ENOBUFS);
	while (got < sent) { /* all that was accepted arrives */
		ssize_t n = recv(fd, large, sizeof(large), MSG_DONTWAIT);

		assert_true(n != 0);
		got += n > 0 ? (size_t)n : 0;
		if (n < 0)
			loop_turn(w->loop, 5);
	}
	for (int i = 0; i < 100 && err; i++) {
		err = w->edge->send(w->edge, &w->last, large, 1);
		loop_turn(w->loop, 5);
	}
	assert_int_equal(err, 0);
	assert_int_equal(w->nclosed, 0);
	close(fd);
	end(w);
}

struct flood {
	int fd;
	unsigned n;
	struct thread *thread;
};

static void pour(void *arg)
{
	struct flood *f = arg;

	for (unsigned i = 0; i < f->n; i++) {
		char text[256];
		int n = snprintf(text, sizeof(text), REQ "CSeq: %08u OPTIONS\r\nl: 0\r\n\r\n", i);
		struct pollfd p = {.fd = f->fd, .events = POLLOUT};

		for (ssize_t off = 0, part; off<n; off += part> 0 ? part : 0) {
			part = send(f->fd, text + off, (size_t)(n - off), MSG_NOSIGNAL);
			if (part < 0 && poll(&p, 1, 10000) != 1)
				return;
		}
	}
}

static void busy_core_slows_the_peer_down_and_loses_nothing(void **state)
{
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	struct flood f = {.fd = call_from("127.10.9.9", &server), .n = 30000};
	size_t each;

	assert_int_equal(thread_start(&f.thread, "pour", THREAD_ANY, pour, &f), 0);
	usleep(100000); /* the core does not listen: the ring (4096) fills */
	run_until(w, &w->nreceived, f.n);
	thread_join(f.thread);
	each = w->bytes.n / f.n;
	assert_int_equal(each * f.n, w->bytes.n);
	for (unsigned i = 0; i < f.n; i++)
		assert_int_equal(strtoul(w->bytes.p + i * each + strlen(REQ "CSeq: "), NULL, 10),
				 i);
	close(f.fd);
	end(w);
}

static void connections_spread_over_threads_and_names_never_repeat(void **state)
{
	enum { N = 40 };
	struct world *w = begin((struct net_conf){.flow_threads = 3, .max_per_address = N});
	struct addr server = listen_at(w, "127.10.1.1");
	oid seen[2 * N];
	int fd[N];

	w->answer = REPLY;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < N; i++) {
			char back[sizeof(REPLY)];
			bool over;

			fd[i] = call_from("127.10.9.9", &server);
			say(fd[i], HELLO);
			run_until(w, &w->nreceived, round * N + i + 1);
			seen[round * N + i] = w->last.conn;
			for (unsigned k = 0; k < round * N + i; k++)
				assert_true(seen[k] != w->last.conn);
			assert_int_equal(hear(w, fd[i], back, strlen(REPLY), &over), strlen(REPLY));
		}
		for (unsigned i = 0; i < N; i++)
			close(fd[i]);
		run_until(w, &w->nclosed, (round + 1) * N);
	}
	end(w);
}

static void largest_message_goes_both_ways(void **state)
{
	static char large[65535], back[65535];
	struct world *w = begin((struct net_conf){0});
	struct addr server = listen_at(w, "127.10.1.1");
	int fd = call_from("127.10.9.9", &server);
	const char head[] = "OPTIONS sip:a@b SIP/2.0\r\nl: 65498\r\n\r\n";
	bool over;

	memset(large, 'x', sizeof(large));
	memcpy(large, head, strlen(head));
	for (size_t off = 0; off < sizeof(large);) {
		ssize_t n = send(fd, large + off, sizeof(large) - off, MSG_NOSIGNAL);

		off += n > 0 ? (size_t)n : 0;
		loop_turn(w->loop, 1);
	}
	run_until(w, &w->nreceived, 1);
	assert_int_equal(w->bytes.n, sizeof(large));
	assert_int_equal(w->edge->send(w->edge, &w->last, large, sizeof(large)), 0);
	assert_int_equal(hear(w, fd, back, sizeof(back), &over), sizeof(back));
	assert_memory_equal(back, large, sizeof(large));
	assert_int_equal(w->edge->send(w->edge, &w->last, large, sizeof(large) + 1), EMSGSIZE);
	close(fd);
	end(w);
}

static void closing_all_with_work_under_way_is_clean(void **state)
{
	struct world *w = begin((struct net_conf){.flow_threads = 2});
	struct addr server = listen_at(w, "127.10.1.1");
	struct flow to = {.transport = FLOW_TCP, .remote = server};
	int fd = call_from("127.10.9.9", &server);

	say(fd, HELLO HELLO HELLO "OPTIONS sip:half");
	assert_int_equal(w->edge->send(w->edge, &to, HELLO, strlen(HELLO)), 0);
	end(w); /* nothing of it was ever taken */
	close(fd);
}

static void opening_fails_cleanly_at_each_allocation(void **state)
{
#ifdef OFFHOOK_TEST_BUILD
	struct flow_sink sink = {received, waited, failed, closed};
	struct net_conf conf = {.sink = &sink, .flow_threads = 2};
	uint64_t nth = 1;

	assert_int_equal(loop_alloc(&conf.loop, clock_real()), 0);
	for (;; nth++) {
		struct net *net = NULL;
		int err;

		mem_fail(nth, false);
		err = net_open(&net, &conf);
		assert_int_equal(err, mem_failed() ? ENOMEM : 0);
		mem_fail(0, false);
		if (!err) {
			net_close(net);
			break;
		}
		assert_null(net);
	}
	assert_true(nth > 12);
	loop_free(conf.loop);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_framed_on_each_family),
		cmocka_unit_test(ping_is_answered_by_pong_and_nothing_else),
		cmocka_unit_test(flood_of_pings_is_answered_as_long_as_it_is_read),
		cmocka_unit_test(server_without_descriptors_serves_those_it_has),
		cmocka_unit_test(one_connection_serves_all_that_leads_there),
		cmocka_unit_test(refused_connection_fails_and_closes),
		cmocka_unit_test(browser_is_cut_off_before_its_body_is_read),
		cmocka_unit_test(doubtful_length_is_answered_and_then_the_connection_ends),
		cmocka_unit_test(what_was_whole_is_answered_before_noise_ends_the_connection),
		cmocka_unit_test(who_shuts_his_side_still_hears_the_answers),
		cmocka_unit_test(last_message_leaves_before_the_connection_closes),
		cmocka_unit_test(one_address_cannot_take_all_connections),
		cmocka_unit_test(who_takes_too_long_over_a_message_is_closed),
		cmocka_unit_test(idle_connection_closes_unless_something_keeps_it),
		cmocka_unit_test(connection_that_a_call_goes_on_over_is_not_idle),
		cmocka_unit_test(peer_that_does_not_read_is_bounded_and_may_recover),
		cmocka_unit_test(busy_core_slows_the_peer_down_and_loses_nothing),
		cmocka_unit_test(connections_spread_over_threads_and_names_never_repeat),
		cmocka_unit_test(largest_message_goes_both_ways),
		cmocka_unit_test(closing_all_with_work_under_way_is_clean),
		cmocka_unit_test(opening_fails_cleanly_at_each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
