/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "call/calls.h"
#include "call/restore.h"

struct restored {
	struct link link;
	struct calls *cs;
	struct kept_head head;
};

static struct restored *restored_end(struct restored *r)
{
	list_remove(&r->link);
	return mem_free(r);
}

/* The BYE has been answered, or nobody is there any more: the next start need not try again. */
static void forget(struct restored *r)
{
	struct kept_head head = r->head;

	head.size = sizeof(head);
	head.is_ended = 1;
	if (r->cs->conf.records)
		(void)r->cs->conf.records->write(r->cs->conf.records, RECORD_LEG_KEPT, &head,
						 sizeof(head));
}

static void restored_event(struct sip_invite *inv, const struct sip_inv_event *ev, void *arg)
{
	struct restored *r = arg;

	if (ev->type != SIP_INV_ENDED)
		return; /* BYE crossed ours, 481, silence: all lead there */
	forget(r);
	restored_end(r);
}

int calls_restore_leg(struct calls *cs, const struct kept_head *kept)
{
	const struct leg_kept *k = (const struct leg_kept *)kept;
	struct log_ctx ctx = {kept->tenant_id, kept->call_id, kept->leg_id};
	struct sip_invite *inv = NULL;
	struct buf line = {0};
	struct restored *r;
	int err;

	ON_THREAD(THREAD_CORE);
	if (kept->is_ended)
		return 0;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->cs = cs;
	r->head = *kept;
	list_append(&cs->restored, &r->link);
	if (kept->version != LEG_KEPT_VERSION || kept->size != sizeof(*k)) {
		log_warn(&ctx, LOGID_JOURNAL,
			 "a leg kept by another version cannot be hung up: its device will notice");
		forget(r);
		restored_end(r);
		return EPROTO;
	}
	err = sip_invite_restore(&inv, cs->conf.sip, &k->dialog, restored_event, r);
	if (err) {
		restored_end(r);
		return err;
	}
	reason_write_header(&line, REASON_INTERRUPTED);
	sip_invite_end(inv, 0, buf_view(&line));
	buf_free(&line);
	return 0;
}

void restored_free(struct calls *cs)
{
	LIST_EACH_SAFE (it, tmp, &cs->restored)
		restored_end(CONTAINER_OF(it, struct restored, link));
}
