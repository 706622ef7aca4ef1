/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The media engine alone, without SIP: N calls of two joined sessions, as relay_floor.c has them.
 *
 *   media_relay --calls N --local IP --peers IPA,IPB --ports FILE [--threads N] [--what NAME]
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audio/codec.h"
#include "base/mem.h"
#include "base/thread.h"
#include "bench/bench.h"
#include "media/media.h"

struct run {
	struct media *m;
	struct relay_args args;
	size_t nanswers;
	uint16_t *ports;
	struct media_counters sum;
};

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	is_over = 1;
}

static void on_event(const struct media_event *ev, void *arg)
{
	struct run *r = arg;

	if (ev->err) {
		errno = ev->err;
		bench_fail("media event %d", ev->type);
	}
	if (ev->seq)
		r->nanswers++;
	if (ev->type == MEDIA_OPENED)
		r->ports[ev->session - 1] = ev->u.local[0].port;
	if (ev->type == MEDIA_CLOSED) {
		r->sum.rx_packets += ev->u.counters.rx_packets;
		r->sum.tx_packets += ev->u.counters.tx_packets;
		r->sum.rx_refused += ev->u.counters.rx_refused;
		r->sum.tx_failed += ev->u.counters.tx_failed;
		r->sum.rx_lost += ev->u.counters.rx_lost;
	}
}

static void wait_for(struct run *r, size_t nanswers)
{
	struct pollfd p = {.fd = media_fd(r->m), .events = POLLIN};

	while (r->nanswers < nanswers) {
		poll(&p, 1, 1000);
		media_poll(r->m);
	}
}

static void ask(struct run *r, struct media_cmd cmd)
{
	size_t n = r->nanswers + 1;

	cmd.seq = (uint32_t)n;
	if (media_engine(r->m)->post(media_engine(r->m), &cmd))
		bench_fail("post");
	wait_for(r, n);
}

static void give_keys(struct run *r, oid session)
{
	struct media_cmd cmd = {.type = MEDIA_KEYS, .session = session};

	cmd.u.keys.is_protected = true;
	cmd.u.keys.in.suite = SDP_SUITE_AES_CM_128_HMAC_SHA1_80;
	memcpy(cmd.u.keys.in.bytes, bench_key, sizeof(bench_key));
	cmd.u.keys.out = cmd.u.keys.in;
	ask(r, cmd);
}

/* Odd sessions speak mu-law, the others what it is converted to. */
static struct media_format format_of(const struct run *r, oid session)
{
	uint8_t pt = session & 1 ? 0 : bench_pt(r->args.what);
	enum codec_id codec = r->args.what == BENCH_OPUS && pt ? CODEC_OPUS : codec_by_pt(pt);

	return (struct media_format){.codec = (uint8_t)codec,
				     .pt_in = pt,
				     .pt_out = pt,
				     .events_in = MEDIA_NO_PT,
				     .events_out = MEDIA_NO_PT,
				     .ptime_ms = 20};
}

static void leg_open(struct run *r, oid session, size_t call, const char *peer)
{
	struct media_cmd cmd = {.type = MEDIA_OPEN, .session = session};
	struct sockaddr_in in;

	cmd.u.open.nstreams = 1;
	cmd.u.open.silence_ms = 120000;
	cmd.u.open.call = call + 1;
	in = bench_addr(r->args.local, 0);
	if (addr_from_sockaddr(&cmd.u.open.local, (struct sockaddr *)&in))
		bench_fail("%s", r->args.local);
	ask(r, cmd);

	if (r->args.what == BENCH_SRTP)
		give_keys(r, session);
	cmd = (struct media_cmd){.type = MEDIA_REMOTE, .session = session};
	cmd.u.remote.remote = (struct media_remote){.may_send = true, .may_receive = true};
	if (r->args.what > BENCH_SRTP)
		cmd.u.remote.remote.format = format_of(r, session);
	in = bench_addr(peer, bench_leg_port(call));
	if (addr_from_sockaddr(&cmd.u.remote.remote.rtp, (struct sockaddr *)&in))
		bench_fail("%s", peer);
	ask(r, cmd);
}

int main(int argc, char **argv)
{
	struct run r = {.args = relay_args_read(argc, argv)};
	struct media_conf conf = {.nthreads = r.args.nthreads,
				  .port_min = 40000,
				  .port_max = 65000,
				  .fn = on_event,
				  .arg = &r};
	uint64_t before;
	FILE *ports;

	thread_become(THREAD_CORE);
	signal(SIGTERM, on_term);
	r.ports = calloc(2 * r.args.ncalls, sizeof(*r.ports));
	if (media_open(&r.m, &conf))
		bench_fail("media_open");
	before = mem_bytes();
	for (size_t k = 0; k < r.args.ncalls; k++) {
		leg_open(&r, 2 * k + 1, k, r.args.peer_a);
		leg_open(&r, 2 * k + 2, k, r.args.peer_b);
		ask(&r, (struct media_cmd){.type = MEDIA_JOIN,
					   .session = 2 * k + 1,
					   .u.join.peer = 2 * k + 2});
	}
	fprintf(stderr, "media state per call: %zu bytes\n",
		(size_t)(mem_bytes() - before) / (r.args.ncalls ? r.args.ncalls : 1));
	ports = bench_ports_begin(&r.args);
	for (size_t k = 0; k < r.args.ncalls; k++)
		fprintf(ports, "%u %u\n", r.ports[2 * k], r.ports[2 * k + 1]);
	bench_ports_end(&r.args, ports);
	while (!is_over) {
		struct pollfd p = {.fd = media_fd(r.m), .events = POLLIN};

		poll(&p, 1, 200);
		media_poll(r.m);
	}
	for (oid id = 1; id <= 2 * r.args.ncalls; id++)
		ask(&r, (struct media_cmd){.type = MEDIA_CLOSE, .session = id});
	fprintf(stderr, "in %lu out %lu refused %lu failed %lu lost %u\n", r.sum.rx_packets,
		r.sum.tx_packets, r.sum.rx_refused, r.sum.tx_failed, r.sum.rx_lost);
	media_close(r.m);
	free(r.ports);
	return 0;
}
