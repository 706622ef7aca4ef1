/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>
#include "media/socket.h"

enum { TOS_EF = 46 << 2, TOS_AF41 = 34 << 2 }; /* RFC 4594: telephony, multimedia conferencing */

static int open_one(int *fdp, const struct addr *local)
{
	struct sockaddr_storage ss;
	socklen_t nss = addr_to_sockaddr(local, &ss);
	int fd, one = 1, err = 0;

	fd = socket(local->family == 6 ? AF_INET6 : AF_INET,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (local->family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		err = errno;
	if (!err && bind(fd, (struct sockaddr *)&ss, nss))
		err = errno;
	if (err)
		close(fd);
	else
		*fdp = fd;
	return err;
}

int media_socket_open(struct stream *s, const struct addr *local)
{
	struct addr rtcp = *local;
	int rtp_fd = -1, rtcp_fd = -1, err;

	rtcp.port++;
	err = open_one(&rtp_fd, local);
	if (err)
		return err;
	err = open_one(&rtcp_fd, &rtcp);
	if (err) {
		close(rtp_fd);
		return err;
	}
	s->rtp.fd = rtp_fd;
	s->rtp.local = *local;
	s->rtcp.fd = rtcp_fd;
	s->rtcp.local = rtcp;
	media_socket_mark(s, MEDIA_AUDIO);
	return 0;
}

void media_socket_close(struct stream *s)
{
	if (s->rtp.fd >= 0)
		close(s->rtp.fd);
	if (s->rtcp.fd >= 0)
		close(s->rtcp.fd);
	s->rtp.fd = s->rtcp.fd = -1;
}

void media_socket_mark(const struct stream *s, enum media_kind kind)
{
	int tos = kind == MEDIA_AUDIO ? TOS_EF : kind == MEDIA_VIDEO ? TOS_AF41 : 0;
	bool is_v6 = s->rtp.local.family == 6;
	int fds[2] = {s->rtp.fd, s->rtcp.fd};

	/* Best effort: an unmarked packet is still a packet. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		int err = is_v6 ? setsockopt(fds[i], IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos))
				: setsockopt(fds[i], IPPROTO_IP, IP_TOS, &tos, sizeof(tos));

		(void)err;
	}
}

void media_socket_stamp(const struct stream *s, bool is_stamped)
{
	int on = is_stamped;

	/* Best effort: without, a packet came when it was read. */
	(void)!setsockopt(s->rtp.fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}
