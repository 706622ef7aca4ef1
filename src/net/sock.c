/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/sock.h"

enum {
	UDP_BUFFER_BYTES = 8 << 20, /* one second of a REGISTER avalanche */
	BACKLOG = 1024,
	ALIVE_IDLE_S = 60,
	ALIVE_PROBE_S = 10,
	ALIVE_PROBES = 3,
};

static void set(int fd, int level, int option, int value)
{
	/* What cannot be set is only less good. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int make(int *fdp, int type, const struct addr *a)
{
	int fd =
		socket(a->family == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (a->family == 6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	*fdp = fd;
	return 0;
}

static int bind_to(int fd, const struct addr *local)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(local, &ss);

	return bind(fd, (struct sockaddr *)&ss, n) ? errno : 0;
}

static int connect_to(int fd, const struct addr *remote)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(remote, &ss);

	return connect(fd, (struct sockaddr *)&ss, n) ? errno : 0;
}

int sock_local(int fd, struct addr *local)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &n))
		return errno;
	return addr_from_sockaddr(local, (struct sockaddr *)&ss);
}

static void buffer(int fd, int forced, int option, int value)
{
	/* Beyond net.core.rmem_max only with the capability for it. */
	if (setsockopt(fd, SOL_SOCKET, forced, &value, sizeof(value)))
		set(fd, SOL_SOCKET, option, value);
}

int sock_udp(int *fdp, const struct addr *local, struct addr *bound)
{
	int fd = -1, err = make(&fd, SOCK_DGRAM, local);

	if (err)
		return err;
	buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, UDP_BUFFER_BYTES);
	buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, UDP_BUFFER_BYTES);
	set(fd, SOL_SOCKET, SO_TIMESTAMPNS,
	    1); /* when it arrived: udp.c tells how long it waited */
	/* Messages larger than the path's MTU leave in fragments instead of failing. */
	if (local->family == 6) {
		set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	} else {
		set(fd, IPPROTO_IP, IP_RECVERR, 1);
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
	err = bind_to(fd, local);
	if (!err)
		err = sock_local(fd, bound);
	if (err)
		close(fd);
	else
		*fdp = fd;
	return err;
}

int sock_listen(int *fdp, const struct addr *local, struct addr *bound)
{
	int fd = -1, err = make(&fd, SOCK_STREAM, local);

	if (err)
		return err;
	/* Connections of the last run in TIME_WAIT do not keep us from starting; another server does. */
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	err = bind_to(fd, local);
	if (!err && listen(fd, BACKLOG))
		err = errno;
	if (!err)
		err = sock_local(fd, bound);
	if (err)
		close(fd);
	else
		*fdp = fd;
	return err;
}

void sock_stream_options(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_PROBE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_PROBES);
}

int sock_connect(int *fdp, const struct addr *local, const struct addr *remote)
{
	int fd = -1, err = make(&fd, SOCK_STREAM, remote);

	if (err)
		return err;
	sock_stream_options(fd);
	if (local->family && !addr_is_any(local)) {
		struct addr from = *local;

		/* The port is chosen at connect, when the whole pair is known: else 28,000 connections would be all. */
		from.port = 0;
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		err = from.family == remote->family ? bind_to(fd, &from) : EAFNOSUPPORT;
	}
	if (!err)
		err = connect_to(fd, remote);
	if (err == EINPROGRESS)
		err = 0;
	if (err)
		close(fd);
	else
		*fdp = fd;
	return err;
}

int sock_source_for(const struct addr *remote, const struct addr *from, struct addr *source)
{
	int fd = -1, err = make(&fd, SOCK_DGRAM, remote);

	if (err)
		return err;
	if (from->family) {
		struct addr any_port = *from;

		any_port.port = 0;
		err = from->family == remote->family ? bind_to(fd, &any_port) : EAFNOSUPPORT;
	}
	if (!err)
		err = connect_to(fd, remote); /* of a datagram socket: only looks up the route */
	if (!err)
		err = sock_local(fd, source);
	close(fd);
	return err;
}
