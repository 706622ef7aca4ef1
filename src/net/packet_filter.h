/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands for the packet filter of the kernel (nftables), carried out one after the other by a thread of their own: the kernel
 * takes milliseconds, and much more for long lists.
 *
 * Thread     core; the commands run on a worker
 * Ownership  commands are copied
 * Errors     ENOMEM, ENOBUFS (too many wait) from packet_filter_run(); what the kernel refuses is logged, once until
 *            something works again; without CAP_NET_ADMIN it says so
 */
#ifndef NET_PACKET_FILTER_H
#define NET_PACKET_FILTER_H

#include "base/str.h"

struct packet_filter;

int packet_filter_open(struct packet_filter **fp) MUST_USE;
struct packet_filter *packet_filter_close(struct packet_filter *f); /* carries out what waits */
/* In the language of nft(8); all of one call holds, or nothing of it. */
int packet_filter_run(struct packet_filter *f, struct str commands) MUST_USE;

#endif
