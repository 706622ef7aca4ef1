/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor that the relay is measured against: the least a user-space relay can do.  One thread, epoll, recv, sendto;
 * no checks, no counters, one peer fixed for each socket; --what says what is done with a packet besides (floor_work.h).
 *
 *   relay_floor --calls N --local IP --peers IPA,IPB --ports FILE [--what NAME]
 *
 * Writes one line "PORT_A PORT_B" per call to FILE when all are bound, and relays until it gets SIGTERM.  The peer of
 * leg A of call k is IPA:20000+2k, of leg B IPB:20000+2k.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench/floor_work.h"

enum { MOST = 65536 - 256 };

struct side {
	int fd;
	struct side *other;
	struct floor_work *work;
	struct sockaddr_in peer;
};

static volatile sig_atomic_t is_over;

static void on_term(int sig)
{
	is_over = 1;
}

static void side_open(struct side *s, int epfd, const struct relay_args *args, size_t i)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
	struct sockaddr_in local = bench_addr(args->local, 0);
	size_t call = i / 2;

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&local, sizeof(local)))
		bench_fail("bind %s", args->local);
	s->work = floor_work_make(args->what, i & 1);
	s->peer = bench_addr(i & 1 ? args->peer_b : args->peer_a, bench_leg_port(call));
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &ev))
		bench_fail("epoll_ctl");
}

static uint16_t port_of(const struct side *s)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	if (getsockname(s->fd, (struct sockaddr *)&a, &n))
		bench_fail("getsockname");
	return ntohs(a.sin_port);
}

int main(int argc, char **argv)
{
	static uint8_t packet[65536];
	struct relay_args args = relay_args_read(argc, argv);
	struct epoll_event ready[256];
	struct side *sides = calloc(2 * args.ncalls, sizeof(*sides));
	int epfd = epoll_create1(0);
	FILE *ports;

	signal(SIGTERM, on_term);
	for (size_t i = 0; i < 2 * args.ncalls; i++) {
		side_open(&sides[i], epfd, &args, i);
		sides[i].other = &sides[i ^ 1];
	}
	ports = bench_ports_begin(&args);
	for (size_t i = 0; i < args.ncalls; i++)
		fprintf(ports, "%u %u\n", port_of(&sides[2 * i]), port_of(&sides[2 * i + 1]));
	bench_ports_end(&args, ports);
	while (!is_over) {
		int n = epoll_wait(epfd, ready, 256, 200);

		for (int i = 0; i < n; i++) {
			struct side *s = ready[i].data.ptr;
			ssize_t got = recv(s->fd, packet, MOST, 0);
			size_t left = got > 0 ? floor_work_do(s->work, packet, (size_t)got) : 0;

			if (left)
				sendto(s->other->fd, packet, left, 0,
				       (struct sockaddr *)&s->other->peer, sizeof(s->other->peer));
		}
	}
	return 0;
}
