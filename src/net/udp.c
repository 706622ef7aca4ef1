/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  An ICMP error comes back on the socket's error queue with the address that the datagram was sent to.  Linux also
 * returns it from the next call on the socket, whomever that concerns: a send that fails so is tried again (the error
 * is cleared by having been returned), while the queue is read where the loop calls us, never inside udp_send().
 */
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/errqueue.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/sock.h"
#include "net/udp.h"

enum {
	DATAGRAM_BYTES = 65536,
	PER_WAKE = 64, /* then others have their turn */
	TRIES = 4,     /* of a send that meets errors of others */
};

struct udp {
	int fd;
	uint32_t listener;
	struct loop_fd *watch;
	const struct clock *clock;
	struct udp_handlers h;
	uint8_t bytes[DATAGRAM_BYTES];
};

/* What phones and NAT helpers send to keep a mapping open: nothing, CRLFs, or zeros. */
static bool is_keep_alive(const uint8_t *p, size_t n)
{
	if (n > 8)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] && p[i] != '\r' && p[i] != '\n')
			return false;
	return true;
}

static const struct sock_extended_err *icmp_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		const struct sock_extended_err *e = (const void *)CMSG_DATA(c);

		if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		     (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
		    (e->ee_origin == SO_EE_ORIGIN_ICMP || e->ee_origin == SO_EE_ORIGIN_ICMP6))
			return e;
	}
	return NULL;
}

/* One entry of the error queue.  False: it is empty. */
static bool read_error(struct udp *u)
{
	union {
		char bytes[512];
		struct cmsghdr align;
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = u->bytes, .iov_len = sizeof(u->bytes)};
	struct msghdr m = {.msg_name = &ss,
			   .msg_namelen = sizeof(ss),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	const struct sock_extended_err *e;
	struct addr to;

	if (recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return errno == EINTR;
	e = icmp_of(&m);
	if (e && e->ee_errno && m.msg_namelen && !addr_from_sockaddr(&to, (struct sockaddr *)&ss))
		u->h.failed(u->listener, &to, (int)e->ee_errno, u->h.arg);
	return true;
}

/* How long the datagram has waited since the kernel had it; 0: not known. */
static uint64_t waited_us(struct udp *u, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec at;
		int64_t us;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		us = clock_wall_us(u->clock) - (at.tv_sec * INT64_C(1000000) + at.tv_nsec / 1000);
		/* more than a minute is a clock that was set */
		return us > 0 && us < 60 * INT64_C(1000000) ? (uint64_t)us : 0;
	}
	return 0;
}

static void take(struct udp *u, const struct sockaddr_storage *ss, size_t n)
{
	struct addr from;

	if (addr_from_sockaddr(&from, (const struct sockaddr *)ss) || !from.port)
		return; /* nobody we could answer */
	if (!is_keep_alive(u->bytes, n))
		u->h.received(u->listener, &from, u->bytes, n, u->h.arg);
}

/* The first datagram of a batch, which is the one that has waited longest. */
static bool read_first(struct udp *u)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec)) + 64];
		struct cmsghdr align;
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = {.iov_base = u->bytes, .iov_len = sizeof(u->bytes)};
	struct msghdr m = {.msg_name = &ss,
			   .msg_namelen = sizeof(ss),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(u->fd, &m, MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK;
	u->h.waited(waited_us(u, &m), u->h.arg);
	take(u, &ss, (size_t)n);
	return true;
}

/* One datagram.  False: none is left. */
static bool read_one(struct udp *u)
{
	struct sockaddr_storage ss;
	socklen_t nss = sizeof(ss);
	ssize_t n = recvfrom(u->fd, u->bytes, sizeof(u->bytes), MSG_DONTWAIT,
			     (struct sockaddr *)&ss, &nss);

	if (n < 0)
		return errno != EAGAIN &&
		       errno != EWOULDBLOCK; /* else an ICMP error, told above, or EINTR */
	take(u, &ss, (size_t)n);
	return true;
}

static void ready(int fd, unsigned events, void *arg)
{
	struct udp *u = arg;

	if (events & LOOP_ERROR)
		for (int i = 0; i < PER_WAKE && read_error(u); i++)
			;
	if (!read_first(u))
		return;
	for (int i = 1; i < PER_WAKE && read_one(u); i++)
		;
}

int udp_open(struct udp **up, struct loop *l, uint32_t listener, const struct addr *local,
	     const struct udp_handlers *h, struct addr *bound)
{
	struct udp *u = mem_fault() ? NULL : calloc(1, sizeof(*u));
	int err;

	if (!u)
		return ENOMEM;
	u->fd = -1;
	u->listener = listener;
	u->h = *h;
	u->clock = loop_clock(l);
	err = sock_udp(&u->fd, local, bound);
	if (!err)
		err = loop_watch(&u->watch, l, u->fd, LOOP_READ, ready, u);
	if (err)
		u = udp_close(u);
	else
		*up = u;
	return err;
}

struct udp *udp_close(struct udp *u)
{
	if (!u)
		return NULL;
	loop_unwatch(u->watch);
	if (u->fd >= 0)
		close(u->fd);
	free(u);
	return NULL;
}

int udp_send(struct udp *u, const struct addr *to, const void *p, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t nss = addr_to_sockaddr(to, &ss);
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		if (sendto(u->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, nss) >=
		    0)
			return 0;
		err = errno;
		if (err == EAGAIN || err == EWOULDBLOCK || err == ENOMEM)
			return ENOBUFS;
		if (err == ENETUNREACH)
			err = EHOSTUNREACH;
		if (err == EMSGSIZE || err == EAFNOSUPPORT || err == EINVAL)
			return err;
	}
	return err;
}
