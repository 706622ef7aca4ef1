/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 8192 };

static struct forked *forked_of(struct forker *f, const char *branch)
{
	struct forked *k;

	for (size_t i = 0; i < FORKER_REMEMBERS; i++)
		if (!strcmp(f->forked[i].branch, branch))
			return &f->forked[i];
	k = &f->forked[f->next++ % FORKER_REMEMBERS];
	*k = (struct forked){.is_answered = false};
	snprintf(k->branch, sizeof(k->branch), "%s", branch);
	return k;
}

static void send_to(struct forker *f, const struct addr *to, const char *text)
{
	struct flow flow = {.transport = FLOW_UDP, .local = f->node.addr, .remote = *to};

	(void)f->node.edge.send(&f->node.edge, &flow, text, strlen(text));
}

/* The topmost "branch=…". */
static bool branch_of(const char *text, char *dst, size_t n)
{
	const char *p = strstr(text, "branch=");

	if (!p)
		return false;
	snprintf(dst, n, "%.*s", (int)strcspn(p + 7, ";,\r\n "), p + 7);
	return true;
}

static void request(struct forker *f, const char *text)
{
	static char out[TEXT_BYTES];
	const char *rest = strstr(text, "\r\n");
	char branch[80];

	if (!rest || !branch_of(text, branch, sizeof(branch)))
		return;
	for (unsigned i = 0; i < FORKER_PHONES; i++) {
		snprintf(out, sizeof(out),
			 "%.*s\r\nVia: SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bKf%u.%s%s",
			 (int)(rest - text), text, i, branch, rest);
		send_to(f, &f->phone[i], out);
	}
}

/* True: the PBX shall hear it. */
static bool is_passed(struct forker *f, const char *text, unsigned status, const char *branch)
{
	struct forked *k;
	unsigned i;

	if (status == 100 || strncmp(branch, "z9hG4bKf", 8))
		return false;
	if (!strstr(text, " INVITE\r\n"))
		return true;
	i = (unsigned)(branch[8] - '0') % FORKER_PHONES;
	k = forked_of(f, branch + 10);
	if (status < 200)
		return !k->is_answered;
	if (status < 300) {
		k->is_answered = true;
		f->answers++;
		return true;
	}
	k->has_refused[i] = true;
	return !k->is_answered && k->has_refused[0] && k->has_refused[1];
}

/* Our own Via goes; the answer, whatever it was before. */
static void response(struct forker *f, const char *text)
{
	static char out[TEXT_BYTES];
	const char *via = strstr(text, "\r\nVia: "), *end = via ? strstr(via + 2, "\r\n") : NULL;
	char branch[80];

	if (!end || !branch_of(text, branch, sizeof(branch)) ||
	    !is_passed(f, text, (unsigned)strtoul(text + 8, NULL, 10), branch))
		return;
	snprintf(out, sizeof(out), "%.*s%s", (int)(via - text), text, end);
	send_to(f, &f->pbx, out);
}

static void received(struct flow_sink *sink, const struct flow *from, const uint8_t *p, size_t n)
{
	static char text[TEXT_BYTES - 256];
	struct forker *f = CONTAINER_OF(sink, struct forker, sink);

	(void)from;
	if (n >= sizeof(text))
		return;
	memcpy(text, p, n);
	text[n] = '\0';
	if (!strncmp(text, "SIP/2.0 ", 8))
		response(f, text);
	else
		request(f, text);
}

int forker_init(struct forker *f, struct world *w, const char *ip, const struct addr *pbx,
		const struct addr *one, const struct addr *two)
{
	int err;

	*f = (struct forker){.sink = {.received = received}, .pbx = *pbx, .phone = {*one, *two}};
	err = node_up(&f->node, w, ip);
	if (!err)
		f->node.sink = &f->sink;
	return err;
}

void forker_close(struct forker *f)
{
	node_down(&f->node);
}
