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
#include "net/sieve.h"
#include "net/sock.h"
#include "net/udp.h"

enum {
	DATAGRAM_BYTES = 65536,
	AT_ONCE = 16, /* read by one call */
	CALLS = 4,    /* then others have their turn */
	ERRORS = 64,
	TRIES = 4, /* of a send that meets errors of others */
};

struct udp {
	int fd;
	uint32_t listener;
	struct loop_fd *watch;
	const struct clock *clock;
	struct udp_handlers h;
	struct mmsghdr msgs[AT_ONCE];
	struct iovec iovs[AT_ONCE];
	struct sockaddr_storage froms[AT_ONCE];
	/* Of the first. */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec)) + 64];
	/* Only pages that a datagram has reached are in memory: one of each, mostly. */
	uint8_t bytes[AT_ONCE][DATAGRAM_BYTES];
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
	struct iovec iov = {.iov_base = u->bytes[0], .iov_len = sizeof(u->bytes[0])};
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

static void take(struct udp *u, const struct sockaddr_storage *ss, const uint8_t *p, size_t n)
{
	struct addr from;

	if (addr_from_sockaddr(&from, (const struct sockaddr *)ss) || !from.port)
		return; /* nobody we could answer */
	if (!is_keep_alive(p, n))
		u->h.received(u->listener, &from, p, n, u->h.arg);
}

static void prepare(struct udp *u)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct msghdr *m = &u->msgs[i].msg_hdr;

		u->iovs[i] = (struct iovec){u->bytes[i], sizeof(u->bytes[i])};
		m->msg_name = &u->froms[i];
		m->msg_iov = &u->iovs[i];
		m->msg_iovlen = 1;
	}
	u->msgs[0].msg_hdr.msg_control = u->control;
}

/* What has come, AT_ONCE at most.  is_first: of a batch, whose first datagram has waited longest.  False: none is left. */
static bool read_some(struct udp *u, bool is_first)
{
	int n;

	u->msgs[0].msg_hdr.msg_controllen = is_first ? sizeof(u->control) : 0;
	for (size_t i = 0; i < AT_ONCE; i++)
		u->msgs[i].msg_hdr.msg_namelen = sizeof(u->froms[i]);
	n = recvmmsg(u->fd, u->msgs, AT_ONCE, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno != EAGAIN &&
		       errno != EWOULDBLOCK; /* else an ICMP error, told above, or EINTR */
	if (is_first)
		u->h.waited(waited_us(u, &u->msgs[0].msg_hdr), u->h.arg);
	for (int i = 0; i < n; i++)
		take(u, &u->froms[i], u->bytes[i], u->msgs[i].msg_len);
	return n == AT_ONCE;
}

static void ready(int fd, unsigned events, void *arg)
{
	struct udp *u = arg;

	if (events & LOOP_ERROR)
		for (int i = 0; i < ERRORS && read_error(u); i++)
			;
	for (int i = 0; i < CALLS && read_some(u, i == 0); i++)
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
	prepare(u);
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

int udp_thin(struct udp *u, const struct flow_thinning *t)
{
	return sieve_set(u->fd, t);
}
