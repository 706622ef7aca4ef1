/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The load generator's two halves: legs that send G.711 every 20 ms and time what comes back, and a small SIP client
 * and server that place the calls.
 *
 * A packet carries in its payload when it was sent; the kernel stamps its arrival.  Both clocks are the machine's own.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include "bench/bench.h"

enum { LOAD_HIST_US = 50000, LOAD_TICK_NS = 1000000, LOAD_PTIME_TICKS = 20 };

struct load_leg {
	int fd;
	bool is_up; /* `to` is known: send */
	struct sockaddr_in to;
	uint16_t seq;
	uint32_t ts, ssrc;
	uint64_t tx, rx;
	void *seal; /* libsrtp2's, where packets are sealed */
};

struct load {
	struct load_leg *legs; /* 2k and 2k + 1 are call k's */
	size_t ncalls;
	bool is_conference; /* only the callers are there: what comes is a mix, not what the other leg has sent */
	enum bench_what
		what;	 /* RELAY: what comes is what was sent, and is timed; else it is counted */
	size_t ntalkers; /* … of which so many send a voice, and the others silence */
	bool is_sending, is_measuring;
	uint64_t since_ns;   /* only what was sent since then is measured */
	uint64_t late_ticks; /* the generator itself was over 5 ms behind: the run says little */
	uint32_t hist[LOAD_HIST_US + 1];
};

uint64_t load_now_ns(void);
void load_open(struct load *l, size_t ncalls, const char *ip_a, const char *ip_b);
void load_ports(struct load *l, const char *relay_ip,
		const char *file);	       /* a relay without SIP: all legs up */
void load_tick(struct load *l, unsigned tick); /* a twentieth of the legs reads and sends */
double load_percentile_us(const struct load *l, double share);

/* SIP */
struct sip_conf {
	struct sockaddr_in server;
	const char *domain, *ip_a, *ip_b;
	const char *from, *from_password; /* password NULL: never challenged */
	const char *to;
	const char *callee, *callee_password; /* registers before; NULL: does not */
};

struct sip;
struct sip *sip_open(const struct sip_conf *conf, struct load *load);
int sip_fd_a(const struct sip *s);
int sip_fd_b(const struct sip *s);
void sip_register(struct sip *s);
bool sip_is_registered(const struct sip *s);
void sip_call(struct sip *s, size_t k);
void sip_hang_up(struct sip *s, size_t k);
void sip_poll(struct sip *s, uint64_t now_ns); /* reads what is there, sends again what is due */
size_t sip_nup(const struct sip *s);
size_t sip_nfailed(const struct sip *s);
size_t sip_nended(const struct sip *s);

#endif
