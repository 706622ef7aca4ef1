/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <opus/opus.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "bench/load.h"

enum { HEAD = 12, PACKET = 172, SEALED = PACKET + SRTP_MAX_TRAILER_LEN, BATCH = 16, VOICES = 50 };

struct voice { /* of Opus, encoded once for all legs */
	uint8_t bytes[PACKET - HEAD];
	int n;
};

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

static void leg_seal(struct load_leg *leg)
{
	srtp_policy_t policy = {.key = (uint8_t *)bench_key, .ssrc.type = ssrc_any_outbound};
	srtp_t s;

	(void)srtp_init();
	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
	policy.rtcp = policy.rtp;
	if (srtp_create(&s, &policy) != srtp_err_status_ok)
		bench_fail("srtp_create");
	leg->seal = s;
}

static const struct voice *opus_voice(const struct load_leg *leg)
{
	static struct voice all[VOICES];

	if (!all[0].n) {
		OpusEncoder *e = opus_encoder_create(8000, 1, OPUS_APPLICATION_VOIP, NULL);

		opus_encoder_ctl(e, OPUS_SET_BITRATE(24000));
		for (int k = 0; k < VOICES; k++) {
			int16_t pcm[160];

			for (int i = 0; i < 160; i++)
				pcm[i] = (int16_t)(8000 * sin((k * 160 + i) * 0.35));
			all[k].n = opus_encode(e, pcm, 160, all[k].bytes, sizeof(all[k].bytes));
		}
		opus_encoder_destroy(e);
	}
	return &all[leg->seq % VOICES];
}

/* A voice in the codec that the leg speaks; the bytes of a tone are sound in each. */
static size_t speak_as(struct load *l, struct load_leg *leg, uint8_t *p)
{
	size_t who = (size_t)(leg - l->legs);

	speak(p + HEAD, PACKET - HEAD, leg, who / 2);
	if (!(who & 1) || l->what == BENCH_SRTP)
		return PACKET;
	p[1] = bench_pt(l->what);
	if (l->what == BENCH_OPUS) {
		const struct voice *v = opus_voice(leg);

		memcpy(p + HEAD, v->bytes, (size_t)v->n);
		return HEAD + (size_t)v->n;
	}
	for (size_t i = HEAD; i < PACKET; i++)
		p[i] ^= 0x2a;
	return PACKET;
}

static size_t seal(struct load_leg *leg, uint8_t *p, size_t n)
{
	int len = (int)n;

	if (!leg->seal)
		leg_seal(leg);
	return srtp_protect(leg->seal, p, &len) ? 0 : (size_t)len;
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

static void leg_send(struct load *l, struct load_leg *leg)
{
	uint8_t p[SEALED] __attribute__((aligned(4))) = {0x80, 0, (uint8_t)(leg->seq >> 8),
							 (uint8_t)leg->seq};
	bool is_opus_b = l->what == BENCH_OPUS && (leg - l->legs) & 1;
	size_t n = PACKET;
	uint64_t now;

	memset(p + 20, 0xd5, PACKET - 20);
	put32(p + 4, leg->ts);
	put32(p + 8, leg->ssrc);
	now = load_now_ns();
	if (l->what != BENCH_RELAY)
		n = speak_as(l, leg, p);
	else if (!l->is_conference)
		memcpy(p + 12, &now, 8);
	else if ((size_t)(leg - l->legs) / 2 < l->ntalkers)
		speak(p + 12, PACKET - 12, leg, (size_t)(leg - l->legs) / 2);
	else
		memset(p + 12, 0xff, PACKET - 12);
	if (l->what == BENCH_SRTP)
		n = seal(leg, p, n);
	if (sendto(leg->fd, p, n, 0, (struct sockaddr *)&leg->to, sizeof(leg->to)) == (ssize_t)n &&
	    l->is_measuring)
		leg->tx++;
	leg->seq++;
	leg->ts += is_opus_b ? 960 : 160;
}

static void note(struct load *l, struct load_leg *leg, const struct msghdr *m, const uint8_t *p)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec t;
	uint64_t sent, us;

	if (l->is_conference || l->what != BENCH_RELAY) {
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
		if (mm[i].msg_len == PACKET || (l->what != BENCH_RELAY && mm[i].msg_len > HEAD))
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
