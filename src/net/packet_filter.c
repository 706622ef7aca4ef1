/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/ring.h"
#include "base/thread.h"
#include "net/packet_filter.h"

enum { WAITING = 4096 };

struct packet_filter {
	struct thread *thread;
	struct ring *commands; /* of char *; NULL: the end */
	bool has_failed;       /* of the thread */
};

/* The first line of what nft says: the rest repeats the command. */
static int first_line(const char *text)
{
	return (int)strcspn(text, "\n");
}

static void carry_out(struct packet_filter *f, const char *commands)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *why = "no memory";
	int err = -1;

	if (nft && !nft_ctx_buffer_output(nft) && !nft_ctx_buffer_error(nft)) {
		errno = 0;
		err = nft_run_cmd_from_buffer(nft, commands);
		why = nft_ctx_get_error_buffer(nft);
	}
	if (err && !f->has_failed)
		log_error(NULL, LOGID_BLOCKED,
			  "the packet filter of the kernel is not told: %.*s%s", first_line(why),
			  why,
			  strstr(why, "not permitted") ? "; it takes the capability CAP_NET_ADMIN"
						       : "");
	f->has_failed = err != 0;
	if (nft)
		nft_ctx_free(nft);
}

static void work(void *arg)
{
	struct packet_filter *f = arg;
	char *commands;

	for (;;) {
		struct pollfd fd = {.fd = ring_fd(f->commands), .events = POLLIN};

		if (poll(&fd, 1, -1) < 0)
			continue;
		ring_woken(f->commands);
		while (ring_pop(f->commands, &commands)) {
			if (!commands)
				return;
			carry_out(f, commands);
			free(commands);
		}
	}
}

int packet_filter_open(struct packet_filter **fp)
{
	struct packet_filter *f = calloc(1, sizeof(*f));
	int err;

	ON_THREAD(THREAD_CORE);
	if (!f)
		return ENOMEM;
	err = ring_alloc(&f->commands, WAITING, sizeof(char *));
	if (!err)
		err = thread_start(&f->thread, "packet-filter", THREAD_WORKER, work, f);
	if (err) {
		ring_free(f->commands);
		free(f);
		return err;
	}
	*fp = f;
	return 0;
}

struct packet_filter *packet_filter_close(struct packet_filter *f)
{
	char *end = NULL;

	ON_THREAD(THREAD_CORE);
	if (!f)
		return NULL;
	while (ring_push(f->commands, &end) == ENOBUFS) {
		struct pollfd nothing = {.fd = -1}; /* the thread makes room */

		poll(&nothing, 1, 10);
	}
	thread_join(f->thread);
	ring_free(f->commands);
	free(f);
	return NULL;
}

int packet_filter_run(struct packet_filter *f, struct str commands)
{
	char *copy;
	int err;

	ON_THREAD(THREAD_CORE);
	copy = strndup(commands.p, commands.n);
	if (!copy)
		return ENOMEM;
	err = ring_push(f->commands, &copy);
	if (err)
		free(copy);
	return err;
}
