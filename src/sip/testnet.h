/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A SIP stack on a virtual clock with a fake edge, for tests: what it sends is queued here, what it shall receive is given as
 * text.  Used by the tests of sip/, registrar/ and call/.
 *
 * In texts that go in, lines end in "\n" and become CRLF; Content-Length is added when the text has no blank line.
 *
 * Thread     the test's
 */
#ifndef SIP_TESTNET_H
#define SIP_TESTNET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/sip.h"

enum { TN_MAX_SENT = 256, TN_MAX_CONNS = 512 };

struct tn_sent {
	struct flow flow;
	uint64_t at_ms;
	char *text;
};

struct testnet {
	struct flow_edge edge; /* first */
	struct clock_virtual clock;
	struct rng_seeded rng;
	struct wheel *wheel;
	struct sip *sip;
	struct sip_conf conf;
	struct tn_sent sent[TN_MAX_SENT]; /* a queue: oldest first */
	size_t nsent;
	uint64_t total_sent;
	int send_err; /* what the edge answers, 0: takes it */
	oid next_conn;
	oid dead_conn; /* this connection is gone */
	int held[TN_MAX_CONNS];
	uint32_t kept[TN_MAX_CONNS]; /* seconds, as said last */
	struct flow peer;	     /* where tn_in's messages come from */
	char last[65536];	     /* the message tn_out() gave last */
};

static inline int tn_send(struct flow_edge *e, struct flow *flow, const void *p, size_t n)
{
	struct testnet *t = (struct testnet *)e;

	if (t->send_err)
		return t->send_err;
	if (flow->conn && flow->conn == t->dead_conn)
		return ENOTCONN;
	if (flow_is_stream(flow->transport) && !flow->conn)
		flow->conn = ++t->next_conn;
	if (t->nsent == TN_MAX_SENT) {
		free(t->sent[0].text);
		memmove(t->sent, t->sent + 1, sizeof(t->sent[0]) * --t->nsent);
	}
	t->sent[t->nsent++] =
		(struct tn_sent){*flow, clock_mono_ms(&t->clock.clock), strndup(p, n)};
	t->total_sent++;
	return 0;
}

static inline int tn_local_for(struct flow_edge *e, enum flow_transport tr,
			       const struct addr *remote, struct addr *local)
{
	(void)e;
	(void)tr;
	return addr_parse(local, remote->family == 6 ? STR("2001:db8::1") : STR("192.0.2.1"), 5060);
}

static inline void tn_close(struct flow_edge *e, oid conn)
{
	(void)e;
	(void)conn;
}

static inline void tn_keep(struct flow_edge *e, oid conn, uint32_t seconds)
{
	struct testnet *t = (struct testnet *)e;

	BUG(conn >= TN_MAX_CONNS);
	t->kept[conn] = seconds;
}

static inline void tn_hold(struct flow_edge *e, oid conn, bool is_held)
{
	struct testnet *t = (struct testnet *)e;

	BUG(conn >= TN_MAX_CONNS || (!is_held && !t->held[conn]));
	t->held[conn] += is_held ? 1 : -1;
}

static inline struct flow tn_flow(enum flow_transport transport, const char *ip, uint16_t port)
{
	struct flow f = {.transport = transport};

	if (addr_parse(&f.remote, str_of(ip), port) ||
	    addr_parse(&f.local, f.remote.family == 6 ? STR("2001:db8::1") : STR("192.0.2.1"),
		       5060))
		abort();
	return f;
}

/* The clock starts late enough for "a minute ago" to exist. */
static inline void tn_open_conf(struct testnet *t, const struct sip_conf *conf)
{
	static const uint8_t seed[16] = "testnet";

	*t = (struct testnet){0};
	map_seed(seed);
	thread_become(THREAD_ANY);
	t->edge = (struct flow_edge){.send = tn_send,
				     .close = tn_close,
				     .local_for = tn_local_for,
				     .keep = tn_keep,
				     .hold = tn_hold};
	clock_virtual_init(&t->clock, 1700000000000000);
	t->clock.now_us = 1000000;
	rng_seeded_init(&t->rng, 42);
	t->next_conn = 100;
	t->peer = tn_flow(FLOW_UDP, "198.51.100.7", 5070);
	if (wheel_alloc(&t->wheel, clock_mono_ms(&t->clock.clock)))
		abort();
	t->conf = *conf;
	t->conf.env = (struct env){&t->clock.clock, t->wheel, &t->rng.rng};
	t->conf.edge = &t->edge;
	if (!t->conf.product)
		t->conf.product = "Offhook/test";
	if (sip_alloc(&t->sip, &t->conf))
		abort();
}

static inline void tn_open(struct testnet *t)
{
	tn_open_conf(t, &(struct sip_conf){.node = 1, .boot = 2});
}

static inline void tn_clear(struct testnet *t)
{
	for (size_t i = 0; i < t->nsent; i++)
		free(t->sent[i].text);
	t->nsent = 0;
}

static inline void tn_shut(struct testnet *t)
{
	sip_free(t->sip);
	for (size_t i = 0; i < TN_MAX_CONNS; i++)
		BUG(t->held[i]);
	wheel_free(t->wheel);
	tn_clear(t);
}

/* Let time pass, each timer at its own millisecond. */
static inline void tn_pass(struct testnet *t, uint64_t ms)
{
	uint64_t end = clock_mono_ms(&t->clock.clock) + ms;

	for (;;) {
		uint64_t now = clock_mono_ms(&t->clock.clock), next = wheel_next_ms(t->wheel);

		if (next > end)
			break;
		t->clock.now_us = (next > now ? next : now) * 1000;
		wheel_advance(t->wheel, clock_mono_ms(&t->clock.clock));
	}
	t->clock.now_us = end * 1000;
	wheel_advance(t->wheel, end);
}

static inline void tn_receive(struct testnet *t, const struct flow *from, const void *p, size_t n)
{
	struct flow_sink *sink = sip_sink(t->sip);

	sink->received(sink, from, p, n);
}

/* Memory of its own: tests let base's allocations fail. */
static inline void tn_in_v(struct testnet *t, const struct flow *from, const char *fmt, va_list ap)
{
	static const char end[] = "\r\nContent-Length: 0\r\n\r\n";
	char *text, *wire, *at;
	const char *blank;

	if (vasprintf(&text, fmt, ap) < 0 || !(wire = malloc(2 * strlen(text) + sizeof(end))))
		abort();
	at = wire;
	blank = strstr(text, "\n\n");
	for (const char *p = text; *p && (!blank || p < blank + 2); p++) {
		if (!blank && !p[1] && *p == '\n')
			break;
		if (*p == '\n')
			*at++ = '\r';
		*at++ = *p;
	}
	strcpy(at, blank ? blank + 2 : end);
	tn_receive(t, from, wire, (size_t)(at - wire) + strlen(at));
	free(text);
	free(wire);
}

static inline void tn_in(struct testnet *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void tn_in(struct testnet *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tn_in_v(t, &t->peer, fmt, ap);
	va_end(ap);
}

/* The oldest message sent and not yet looked at; "" when there is none. */
static inline const char *tn_out(struct testnet *t)
{
	t->last[0] = '\0';
	if (!t->nsent)
		return t->last;
	snprintf(t->last, sizeof(t->last), "%s", t->sent[0].text);
	free(t->sent[0].text);
	memmove(t->sent, t->sent + 1, sizeof(t->sent[0]) * --t->nsent);
	return t->last;
}

/* "SIP/2.0 200 OK" or "BYE sip:… SIP/2.0" of the oldest message; the message stays readable in t->last. */
static inline const char *tn_out_line(struct testnet *t)
{
	static char line[512];
	const char *text = tn_out(t);

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\r"), text);
	return line;
}

/* Status of the oldest message when it is a response, else 0. */
static inline unsigned tn_out_status(struct testnet *t)
{
	const char *text = tn_out(t);

	return strncmp(text, "SIP/2.0 ", 8) ? 0 : (unsigned)strtoul(text + 8, NULL, 10);
}

/* Value of the nth header of that name in t->last (n from 0); "" when there is none. */
static inline const char *tn_header_nth(const struct testnet *t, const char *name, int nth)
{
	static char values[8][2048];
	static unsigned turn;
	char *value = values[turn++ % 8];
	size_t n = strlen(name);

	value[0] = '\0';
	for (const char *p = strstr(t->last, "\r\n"); p && strncmp(p, "\r\n\r\n", 4);
	     p = strstr(p + 2, "\r\n")) {
		if (strncasecmp(p + 2, name, n) || p[2 + n] != ':' || nth--)
			continue;
		p += 2 + n + 1;
		p += strspn(p, " ");
		snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(p, "\r"), p);
		break;
	}
	return value;
}
static inline const char *tn_header(const struct testnet *t, const char *name)
{
	return tn_header_nth(t, name, 0);
}
/* Parameter behind `name=` in a header of t->last: branch of Via, tag of To, nonce … without quotes. */
static inline const char *tn_param(const struct testnet *t, const char *header, const char *name)
{
	static char values[8][512];
	static unsigned turn;
	char *value = values[turn++ % 8], key[64];
	const char *p;

	snprintf(key, sizeof(key), "%s=", name);
	p = strstr(tn_header(t, header), key);
	value[0] = '\0';
	if (p) {
		p += strlen(key);
		p += *p == '"';
		snprintf(value, sizeof(values[0]), "%.*s", (int)strcspn(p, "\";,>"), p);
	}
	return value;
}

static inline const char *tn_body(const struct testnet *t)
{
	const char *p = strstr(t->last, "\r\n\r\n");

	return p ? p + 4 : "";
}

#endif
