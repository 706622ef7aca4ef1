/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the relay's measuring programs share: arguments, addresses, the ports file through which a relay tells the
 * load generator where to send.
 *
 * Errors     bench_fail() prints and ends the program
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

/* Passed on as it is; through keys, sealed on both sides; or between mu-law and another codec, which the second leg speaks. */
enum bench_what { BENCH_RELAY, BENCH_SRTP, BENCH_PCMA, BENCH_G722, BENCH_OPUS, BENCH_COUNT };

struct relay_args {
	size_t ncalls;
	enum bench_what what;
	unsigned nthreads; /* 0: the engine's default */
	const char *local, *peer_a, *peer_b, *ports;
};

struct relay_args relay_args_read(int argc, char **argv);
extern const uint8_t bench_key[30]; /* of every leg, both ways */
enum bench_what bench_what_of(const char *name);
uint8_t bench_pt(enum bench_what what); /* that the second leg speaks */
struct sockaddr_in bench_addr(const char *ip, uint16_t port);
/* Both legs of call k receive at their own IP on this port. */
static inline uint16_t bench_leg_port(size_t call)
{
	return (uint16_t)(20000 + 2 * call);
}
void bench_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Written aside and renamed, so that who waits for the file finds all of it. */
FILE *bench_ports_begin(const struct relay_args *args);
void bench_ports_end(const struct relay_args *args, FILE *f);
void bench_descriptors(void); /* as many as we may have */

#endif
