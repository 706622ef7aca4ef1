/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests of the engine with its threads: an engine, its events, and phones that are two sockets on loopback.
 *
 * Thread     the test's, as core
 * Errors     every helper asserts
 */
#ifndef MEDIA_MEDIA_FIXTURE_H
#define MEDIA_MEDIA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/thread.h"
#include "media/media.h"

enum { MAX_EVENTS = 65536, PORT_MIN = 30000, PORT_MAX = 30999, WAIT_MS = 15000 };

struct fixture {
	struct media *m;
	struct media_event events[MAX_EVENTS];
	size_t nevents;
	uint32_t seq;
};

struct phone { /* an RTP and an RTCP socket */
	int rtp, rtcp;
	struct addr at; /* its RTP address */
	struct addr to; /* where it sends */
	uint16_t seq;
	uint32_t ts, ssrc;
};

static inline void on_event(const struct media_event *ev, void *arg)
{
	struct fixture *f = arg;

	assert_true(f->nevents < MAX_EVENTS);
	f->events[f->nevents++] = *ev;
}

static inline void engine_start(struct fixture *f, unsigned nthreads, uint16_t min, uint16_t max)
{
	struct media_conf conf = {.nthreads = nthreads,
				  .fill = 1,
				  .port_min = min,
				  .port_max = max,
				  .fn = on_event,
				  .arg = f};

	assert_int_equal(media_open(&f->m, &conf), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	thread_become(THREAD_CORE);
	engine_start(f, 2, PORT_MIN, PORT_MAX);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	f->m = media_close(f->m);
	free(f);
	return 0;
}

static inline void wait_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	poll(&p, 1, ms);
}

static inline uint32_t send_cmd(struct fixture *f, struct media_cmd *cmd)
{
	cmd->seq = ++f->seq;
	assert_int_equal(media_engine(f->m)->post(media_engine(f->m), cmd), 0);
	return cmd->seq;
}

/* The answer to a command (or with seq 0 the first event of that type), which must be the only one. */
static inline struct media_event answer_to(struct fixture *f, uint32_t seq, int type)
{
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;

	for (;;) {
		struct media_event *found = NULL;

		for (size_t i = 0; i < f->nevents; i++) {
			if (seq ? f->events[i].seq != seq : (int)f->events[i].type != type)
				continue;
			if (seq)
				assert_null(found);
			if (!found)
				found = &f->events[i];
		}
		if (found) {
			struct media_event ev = *found;

			memset(found, 0, sizeof(*found));
			return ev;
		}
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(media_fd(f->m), 100);
		media_poll(f->m);
	}
}

static inline struct media_event ask(struct fixture *f, struct media_cmd cmd)
{
	return answer_to(f, send_cmd(f, &cmd), 0);
}

/* 127.20.0.x stands for an address that only this process uses: tests run side by side. */
static inline struct addr addr_at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	if (a.ip[0] == 127 && a.ip[1] == 20)
		a.ip[2] = (uint8_t)(1 + getpid() % 250);
	return a;
}

static inline struct media_cmd cmd_open(oid session, oid call, const char *ip, uint8_t nstreams)
{
	struct media_cmd cmd = {.type = MEDIA_OPEN, .session = session};

	cmd.u.open.nstreams = nstreams;
	cmd.u.open.local = addr_at(ip, 0);
	cmd.u.open.call = call;
	return cmd;
}

static inline struct addr session_open(struct fixture *f, oid session, oid call, const char *ip)
{
	struct media_event ev = ask(f, cmd_open(session, call, ip, 1));

	assert_int_equal(ev.type, MEDIA_OPENED);
	return ev.u.local[0];
}

static inline struct media_remote both_ways(struct addr rtp)
{
	struct media_remote r = {.rtp = rtp, .may_send = true, .may_receive = true};

	return r;
}

static inline void session_remote_is(struct fixture *f, oid session, struct media_remote r)
{
	struct media_cmd cmd = {.type = MEDIA_REMOTE, .session = session, .u.remote.remote = r};

	assert_int_equal(ask(f, cmd).err, 0);
}

static inline struct media_event session_ask(struct fixture *f, enum media_cmd_type type,
					     oid session)
{
	return ask(f, (struct media_cmd){.type = type, .session = session});
}

static inline int session_join_with(struct fixture *f, oid a, oid b)
{
	return ask(f, (struct media_cmd){.type = MEDIA_JOIN, .session = a, .u.join.peer = b}).err;
}

static inline struct media_counters counters(struct fixture *f, oid session)
{
	struct media_event ev = session_ask(f, MEDIA_STATS, session);

	assert_int_equal(ev.type, MEDIA_STATS_ARE);
	return ev.u.counters;
}

/* Counters once that many packets have come in: on a busy machine even loopback delivers late. */
static inline struct media_counters counters_at(struct fixture *f, oid session, uint64_t packets,
						uint64_t refused)
{
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;
	struct media_counters c = counters(f, session);

	while (c.rx_packets + c.rx_refused < packets + refused) {
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(-1, 1);
		c = counters(f, session);
	}
	assert_int_equal(c.rx_packets, packets);
	assert_int_equal(c.rx_refused, refused);
	return c;
}

static inline int sock(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static inline struct phone phone_at(const char *ip, uint16_t port, struct addr to)
{
	struct phone p = {.at = addr_at(ip, port), .to = to, .seq = 100, .ssrc = 0x1000u + port};
	struct addr rtcp = addr_at(ip, (uint16_t)(port + 1));

	p.rtp = sock(&p.at);
	p.rtcp = sock(&rtcp);
	return p;
}

static inline void phone_close(struct phone *p)
{
	close(p->rtp);
	close(p->rtcp);
}

static inline void put_to(int fd, const struct addr *to, const void *p, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t nss = addr_to_sockaddr(to, &ss);

	assert_int_equal(sendto(fd, p, n, 0, (struct sockaddr *)&ss, nss), n);
}

static inline size_t make_rtp(struct phone *p, uint8_t dst[172])
{
	memset(dst, 0x55, 172);
	dst[0] = 0x80;
	dst[1] = 0;
	dst[2] = (uint8_t)(p->seq >> 8);
	dst[3] = (uint8_t)p->seq++;
	for (int i = 0; i < 4; i++) {
		dst[4 + i] = (uint8_t)(p->ts >> (24 - 8 * i));
		dst[8 + i] = (uint8_t)(p->ssrc >> (24 - 8 * i));
	}
	p->ts += 160;
	return 172;
}

static inline void talk(struct phone *p)
{
	uint8_t pkt[172];

	put_to(p->rtp, &p->to, pkt, make_rtp(p, pkt));
}

static inline ssize_t take(int fd, void *dst, size_t n, int ms)
{
	wait_readable(fd, ms);
	return recv(fd, dst, n, 0);
}

static inline bool hears(int fd)
{
	uint8_t pkt[2048];

	return take(fd, pkt, sizeof(pkt), WAIT_MS) > 0;
}

/* After something that was sent later has arrived, nothing may be there. */
static inline bool has_nothing(int fd)
{
	uint8_t pkt[2048];

	return recv(fd, pkt, sizeof(pkt), 0) < 0;
}

static inline size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
