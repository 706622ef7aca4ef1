/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversations: messages and time against transactions, dialogs and the INVITE usage.
 *
 * Parts are divided by a line "%".  A part is a message (its lines may end in LF; TAG stands for our tag, VIA for the Via of
 * our last request, ID for its Call-ID), or a command: "@t 500" lets ms pass, "@p" rings, "@a" answers, "@e" ends,
 * "@r" offers anew, "@o" accepts an offer, "@c" calls, "@f" breaks the flow.
 *
 * Whatever was said: what we send can be read, and when all is quiet nothing is left.
 */
#include "fuzz.h"
#include "sip/invite.h"
#include "sip/testnet.h"

struct world {
	struct testnet net;
	struct sip_invite *inv;
	char tag[64], via[512], call_id[128];
};

static void on_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct world *w = arg;

	MUST(inv == w->inv);
	if (ev->type == SIP_INV_ENDED)
		w->inv = NULL;
	if (ev->type == SIP_INV_REQUEST)
		sip_reply(ev->st, 200, NULL, NULL);
	if (ev->type == SIP_INV_ANSWERED || (ev->type == SIP_INV_OFFER_DONE && ev->status < 300))
		MUST(!sip_invite_ack(inv, STR_NONE));
}

static void on_invite(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	struct world *w = arg;

	(void)req;
	if (w->inv || sip_invite_uas(&w->inv, st, "<sip:us@192.0.2.1>", on_event, w)) {
		sip_reply(st, 486, NULL, NULL);
		return;
	}
	snprintf(w->tag, sizeof(w->tag), "%s", sip_strans_tag(st));
}

static void on_message(struct sip_strans *st, const struct sip_msg *req, void *arg)
{
	(void)req;
	(void)arg;
	sip_refuse(st, 401, NULL, NULL);
}

static void call(struct world *w)
{
	struct sip_invite_conf conf = {
		.uri = STR("sip:carol@203.0.113.5"),
		.flow = tn_flow(FLOW_UDP, "203.0.113.5", 5060),
		.from = STR("<sip:bob@example.com>"),
		.to = STR("<sip:carol@example.com>"),
		.contact = STR("<sip:us@192.0.2.1>"),
	};

	if (!w->inv)
		MUST(!sip_invite_uac(&w->inv, w->net.sip, &conf, on_event, w));
}

static void command(struct world *w, const char *text)
{
	struct sip_extra sdp = {.content_type = STR("application/sdp"), .body = STR("v=0\r\n")};
	struct flow_sink *sink = sip_sink(w->net.sip);
	int err = 0;

	if (text[1] == 't')
		tn_pass(&w->net, strtoul(text + 2, NULL, 10) % 100000);
	else if (text[1] == 'c')
		call(w);
	else if (text[1] == 'f')
		sink->failed(sink, &w->net.peer, ECONNREFUSED);
	else if (!w->inv)
		return;
	else if (text[1] == 'p')
		err = sip_invite_progress(w->inv, 183, &sdp);
	else if (text[1] == 'a')
		err = sip_invite_accept(w->inv, &sdp);
	else if (text[1] == 'r')
		err = sip_invite_reinvite(w->inv, &sdp);
	else if (text[1] == 'o')
		err = sip_invite_respond(w->inv, 200, &sdp);
	else if (text[1] == 'e')
		sip_invite_end(w->inv, 486, STR_NONE);
	MUST(!err || err == EPROTO || err == EBUSY);
}

static void put(struct buf *wire, const char **text, const char *word, const char *value)
{
	buf_cstr(wire, value);
	*text += strlen(word);
}

static void message(struct world *w, const char *text)
{
	struct buf wire = {0};
	char last = 0;

	while (*text) {
		if (!strncmp(text, "TAG", 3)) {
			put(&wire, &text, "TAG", w->tag);
		} else if (!strncmp(text, "VIA", 3)) {
			put(&wire, &text, "VIA", w->via);
		} else if (!strncmp(text, "ID@", 3)) {
			put(&wire, &text, "ID@", w->call_id);
		} else {
			if (*text == '\n' && last != '\r')
				buf_char(&wire, '\r');
			last = *text++;
			buf_char(&wire, last);
		}
	}
	if (!wire.err && wire.n)
		tn_receive(&w->net, &w->net.peer, wire.p, wire.n);
	buf_free(&wire);
}

/* All that we sent can be read again; the last request is remembered. */
static void look_at_sent(struct world *w)
{
	while (w->net.nsent) {
		struct sip_msg *m = NULL;
		struct flow from = w->net.sent[0].flow;
		unsigned status;

		tn_out(&w->net);
		/* what is malformed comes back malformed, in answers that we refuse with */
		if (sip_msg_parse(&m, &from, w->net.last, strlen(w->net.last), &status))
			MUST(!strncmp(w->net.last, "SIP/2.0 ", 8));
		if (m && m->is_request && m->method != SIP_ACK) {
			snprintf(w->via, sizeof(w->via), "%s", tn_header(&w->net, "Via"));
			snprintf(w->call_id, sizeof(w->call_id), "%s",
				 tn_header(&w->net, "Call-ID"));
			snprintf(w->tag, sizeof(w->tag), "%s", tn_param(&w->net, "From", "tag"));
		}
		sip_msg_deref(m);
	}
}

static void end(struct world *w, uint64_t bytes)
{
	struct sip_counts c;

	if (w->inv)
		sip_invite_end(w->inv, 480, STR_NONE);
	tn_pass(&w->net, 200000);
	sip_counts(w->net.sip, &c);
	MUST(!w->inv);
	MUST(!c.client_transactions && !c.server_transactions && !c.lingering && !c.dialogs);
	MUST(!wheel_count(w->net.wheel));
	MUST(mem_bytes() == bytes);
	tn_shut(&w->net);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct world w;
	uint64_t bytes;
	char *text = strndup((const char *)p, n), *part = text;

	MUST(text);
	w = (struct world){0};
	tn_open(&w.net);
	sip_on_request(w.net.sip, SIP_INVITE, on_invite, &w);
	sip_on_request(w.net.sip, SIP_MESSAGE, on_message, &w);
	bytes = mem_bytes();
	for (unsigned i = 0; part && i < 64; i++) {
		char *next = strstr(part, "\n%\n");

		if (next) {
			*next = '\0';
			next += 3;
		}
		if (*part == '@')
			command(&w, part);
		else
			message(&w, part);
		look_at_sent(&w);
		part = next;
	}
	end(&w, bytes);
	free(text);
	return 0;
}
