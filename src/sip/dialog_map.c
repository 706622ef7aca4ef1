/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registered dialogs: found by Call-ID and both tags, they get the requests that belong to them, in the order of CSeq.
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/stack.h"
#include "sip/dialog.h"

struct dialog_key {
	struct str call_id, local_tag, remote_tag;
};

static uint64_t key_hash(const struct dialog_key *k)
{
	return map_hash2(map_hash_str(k->call_id), k->local_tag);
}

static bool same_dialog(const struct map_node *node, const void *arg)
{
	const struct sip_dialog *d = CONTAINER_OF(node, struct sip_dialog, node);
	const struct dialog_key *k = arg;

	return str_eq(k->call_id, str_of(d->call_id)) &&
	       str_eq(k->local_tag, str_of(d->local_tag)) &&
	       str_eq(k->remote_tag, str_of(d->remote_tag));
}

static struct sip_dialog *find(struct sip *s, const struct dialog_key *k)
{
	struct map_node *node = map_find(&s->dialogs, key_hash(k), same_dialog, k);

	return node ? CONTAINER_OF(node, struct sip_dialog, node) : NULL;
}

struct sip_dialog *sip_dialog_find(struct sip *s, struct str call_id, struct str local_tag,
				   struct str remote_tag)
{
	ON_THREAD(THREAD_CORE);
	return find(s, &(struct dialog_key){call_id, local_tag, remote_tag});
}

static struct sip_dialog *of_request(struct sip *s, const struct sip_msg *req)
{
	return find(s, &(struct dialog_key){req->call_id, req->to_tag, req->from_tag});
}

int sip_dialog_register(struct sip_dialog *d, sip_dialog_request_h *fn, void *arg)
{
	struct dialog_key k = {str_of(d->call_id), str_of(d->local_tag), str_of(d->remote_tag)};

	ON_THREAD(THREAD_CORE);
	if (d->sip->ndialogs > d->sip->conf.max_dialogs) {
		metric_add(METRIC_SIP_SHED, 1);
		log_warn(NULL, LOGID_OVERLOAD, "%zu SIP dialogs: no new one is taken",
			 d->sip->ndialogs - 1);
		return ENOSPC;
	}
	d->fn = fn;
	d->arg = arg;
	if (!d->is_registered)
		map_add(&d->sip->dialogs, &d->node, key_hash(&k));
	d->is_registered = true;
	dialog_hold_way(d);
	return 0;
}

/* What a dialog over TLS says is known to its peer alone: whoever says it in clear is somebody else. */
static bool is_as_safe(const struct sip_dialog *d, const struct sip_msg *req)
{
	enum flow_transport now = req->flow.transport;

	if (d->flow.transport != FLOW_TLS && d->flow.transport != FLOW_WSS)
		return true;
	return now == FLOW_TLS || now == FLOW_WSS;
}

void dialogs_request(struct sip *s, struct sip_strans *st, const struct sip_msg *req)
{
	struct sip_dialog *d = of_request(s, req);

	if (!d) {
		sip_refuse(st, 481, NULL, NULL);
		return;
	}
	sip_strans_edit(st, d->edit_for);
	if (!is_as_safe(d, req)) {
		sip_refuse(st, 403, "Not Over This Transport", NULL);
		return;
	}
	/* RFC 3261 12.2.2.  Equal: a copy that came another way, for its retransmissions end at their transaction; of another
	 * method it is somebody who does not count, and 12.2.2 refuses only what is lower. */
	if (req->cseq < d->remote_cseq ||
	    (d->remote_cseq && req->cseq == d->remote_cseq && req->method == d->remote_method)) {
		(void)sip_reply(st, 500, "CSeq Out of Order", NULL);
		return;
	}
	d->remote_cseq = req->cseq;
	d->remote_method = req->method;
	if (s->within && !s->within(d, st, req, s->within_arg))
		return;
	d->fn(d, st, req, d->arg);
}

void dialogs_ack(struct sip *s, const struct sip_msg *ack)
{
	struct sip_dialog *d = of_request(s, ack);

	if (d && is_as_safe(d, ack))
		d->fn(d, NULL, ack, d->arg);
}

bool dialogs_knows(struct sip *s, const struct sip_msg *req)
{
	struct sip_dialog *d = of_request(s, req);

	if (d && req->cseq > d->remote_cseq) {
		d->remote_cseq = req->cseq;
		d->remote_method = req->method;
	}
	return d && !d->is_over;
}

static int hang_up_stray(struct sip *s, const struct sip_msg *m)
{
	struct sip_dialog *d;
	int err = sip_dialog_from_response(&d, s, m, STR_NONE);

	if (err)
		return err;
	err = sip_dialog_ack(d, m->cseq, NULL, NULL, NULL);
	if (!err)
		err = sip_dialog_send(d, SIP_BYE, NULL, NULL, NULL, NULL);
	sip_dialog_close(d);
	return err;
}

void dialogs_stray_2xx(struct sip *s, const struct sip_msg *m)
{
	struct sip_dialog *d = find(s, &(struct dialog_key){m->call_id, m->from_tag, m->to_tag});
	int err;

	if (!tag_is_ours(s, m->from_tag))
		return;
	err = d ? sip_dialog_ack(d, m->cseq, NULL, NULL, NULL) : hang_up_stray(s, m);
	if (err)
		log_debug(NULL, LOGID_SIP_MESSAGE, "2xx not acknowledged: %s", strerror(err));
}
