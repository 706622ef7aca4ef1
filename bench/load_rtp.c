/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "bench/load.h"

enum { PACKET = 172, BATCH = 16 };

uint64_t load_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void leg_open(struct load_leg *leg, const char *ip, uint16_t port)
{
	struct sockaddr_in at = bench_addr(ip, port);
	int one = 1, bytes = 1 << 20;

	leg->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (leg->fd < 0 || bind(leg->fd, (struct sockaddr *)&at, sizeof(at)))
		bench_fail("bind %s:%u", ip, port);
	setsockopt(leg->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(leg->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	leg->ssrc = (uint32_t)random();
	leg->seq = (uint16_t)random();
}

void load_open(struct load *l, size_t ncalls, const char *ip_a, const char *ip_b)
{
	l->ncalls = ncalls;
	l->legs = calloc(2 * ncalls, sizeof(*l->legs));
	for (size_t i = 0; i < 2 * ncalls; i++)
		leg_open(&l->legs[i], i & 1 ? ip_b : ip_a, bench_leg_port(i / 2));
}

void load_ports(struct load *l, const char *relay_ip, const char *file)
{
	FILE *f = fopen(file, "r");
	unsigned a, b;

	if (!f)
		bench_fail("%s", file);
	for (size_t k = 0; k < l->ncalls; k++) {
		if (fscanf(f, "%u %u", &a, &b) != 2)
			bench_fail("%s: too few lines", file);
		l->legs[2 * k].to = bench_addr(relay_ip, (uint16_t)a);
		l->legs[2 * k + 1].to = bench_addr(relay_ip, (uint16_t)b);
		l->legs[2 * k].is_up = l->legs[2 * k + 1].is_up = true;
	}
	fclose(f);
}

/* A voice, near enough for a mixer: a tone of the leg's own, in mu-law. */
static void speak(uint8_t *payload, size_t n, const struct load_leg *leg, size_t who)
{
	static const uint8_t wave[8] = {0xff, 0x9a, 0x92, 0x9a, 0xff, 0x1a, 0x12, 0x1a};

	for (size_t i = 0; i < n; i++)
		payload[i] = wave[(leg->ts + i) * (1 + who % 3) % sizeof(wave)];
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static void leg_send(struct load *l, struct load_leg *leg)
{
	uint8_t p[PACKET] = {0x80, 0, (uint8_t)(leg->seq >> 8), (uint8_t)leg->seq};
	uint64_t now;

	memset(p + 20, 0xd5, sizeof(p) - 20);
	put32(p + 4, leg->ts);
	put32(p + 8, leg->ssrc);
	now = load_now_ns();
	if (!l->is_conference)
		memcpy(p + 12, &now, 8);
	else if ((size_t)(leg - l->legs) / 2 < l->ntalkers)
		speak(p + 12, PACKET - 12, leg, (size_t)(leg - l->legs) / 2);
	else
		memset(p + 12, 0xff, PACKET - 12);
	if (sendto(leg->fd, p, sizeof(p), 0, (struct sockaddr *)&leg->to, sizeof(leg->to)) ==
		    PACKET &&
	    l->is_measuring)
		leg->tx++;
	leg->seq++;
	leg->ts += 160;
}

static void note(struct load *l, struct load_leg *leg, const struct msghdr *m, const uint8_t *p)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec t;
	uint64_t sent, us;

	if (l->is_conference) {
		leg->rx += l->is_measuring;
		return;
	}
	memcpy(&sent, p + 12, 8);
	if (sent < l->since_ns)
		return;
	leg->rx++;
	if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
		return;
	memcpy(&t, CMSG_DATA(c), sizeof(t));
	us = ((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - sent) / 1000;
	l->hist[us > LOAD_HIST_US ? LOAD_HIST_US : us]++;
}

static void leg_receive(struct load *l, struct load_leg *leg)
{
	static uint8_t bytes[BATCH][2048];
	static char control[BATCH][64];
	struct mmsghdr mm[BATCH];
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
		mm[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = control[i],
						.msg_controllen = sizeof(control[i])};
	}
	n = recvmmsg(leg->fd, mm, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n && l->since_ns; i++)
		if (mm[i].msg_len == PACKET)
			note(l, leg, &mm[i].msg_hdr, bytes[i]);
}

void load_tick(struct load *l, unsigned tick)
{
	for (size_t i = tick % LOAD_PTIME_TICKS; i < 2 * l->ncalls; i += LOAD_PTIME_TICKS) {
		leg_receive(l, &l->legs[i]);
		if (l->is_sending && l->legs[i].is_up)
			leg_send(l, &l->legs[i]);
	}
}

double load_percentile_us(const struct load *l, double share)
{
	uint64_t all = 0, upto = 0;

	for (size_t i = 0; i <= LOAD_HIST_US; i++)
		all += l->hist[i];
	for (size_t i = 0; i <= LOAD_HIST_US; i++) {
		upto += l->hist[i];
		if (all && (double)upto >= (double)all * share)
			return (double)i;
	}
	return 0;
}
