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

struct relay_args {
	size_t ncalls;
	unsigned nthreads; /* 0: the engine's default */
	const char *local, *peer_a, *peer_b, *ports;
};

struct relay_args relay_args_read(int argc, char **argv);
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
